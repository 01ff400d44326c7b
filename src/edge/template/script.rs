//! Which expanded paths may name a script for FastCGI.
//!
//! Pure. Invariant: what a client writes can choose a file that ends in `.php`, and never where in
//! a path the script's name ends. PHP looks for it from the right (`cgi.fix_pathinfo`): asked for
//! `/upload.jpg/x.php` it would run the upload as a program, so no segment of a client's that is
//! not the last has a dot in it.

use std::ops::Range;

use super::piece::Piece;
use super::{ExpandFault, TemplateFault};

/// What a script that a client names ends in.
const EXTENSION: &str = ".php";

/// Whether the path of a template can name a script at all.
pub(super) fn check(path: &[Piece]) -> Result<(), TemplateFault> {
    let Some(Piece::Literal(end)) = path.last() else {
        return Ok(());
    };
    let (is_whole, name) = match end.rsplit_once('/') {
        Some((_, name)) => (true, name),
        None => (false, &**end),
    };
    if name.is_empty() {
        return Err(TemplateFault::Syntax(
            "a fastcgi upstream names a script: fastcgi://host:port/script.php",
        ));
    }
    if !is_whole && !name.ends_with(EXTENSION) {
        return Err(TemplateFault::Syntax(
            "a script's name that holds a variable ends in `.php`",
        ));
    }
    Ok(())
}

/// Whether an expanded path names a script. `foreign` are the ranges that came from the client.
pub(super) fn confirm(path: &str, foreign: &[Range<usize>]) -> Result<(), ExpandFault> {
    let mut begin = 0;
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let end = begin + segment.len();
        // An empty one counts where it stands: a remainder of nothing is the client's choice too.
        let is_own = foreign.iter().all(|f| f.end < begin || f.start > end);
        let is_last = segments.peek().is_none();
        if !is_own
            && !(if is_last {
                is_script(segment)
            } else {
                is_folder(segment)
            })
        {
            return Err(ExpandFault::Script);
        }
        begin = end + 1;
    }
    Ok(())
}

fn is_script(segment: &str) -> bool {
    let stem = segment.strip_suffix(EXTENSION).unwrap_or_default();
    !stem.is_empty() && !stem.contains("..") && !stem.ends_with('.') && is_plain(segment)
}

fn is_folder(segment: &str) -> bool {
    is_plain(segment) && !segment.contains('.')
}

/// `[A-Za-z0-9_.-]*`
fn is_plain(segment: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    segment.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::edge::template::{PathTemplate, UpstreamTemplate, Variables};

    fn template(path: &str, upstream: &str) -> UpstreamTemplate {
        UpstreamTemplate::parse(upstream, &PathTemplate::parse(path).unwrap()).unwrap()
    }

    fn rest(raw: &str) -> Result<String, ExpandFault> {
        let upstream = template("/{rest*}", "fastcgi://h:9000/v1.2/{rest*}");
        upstream.expand(&[("rest", raw)].into_iter().collect(), "a=b")
    }

    #[test]
    fn an_upload_is_never_run_as_a_program() {
        for raw in [
            "upload.jpg/x.php",
            "a/upload.jpg/b/x.php",
            "x.php/y.php",
            "x.php/",
            "x.php/y",
            "x.php%00.php",
            "%78.jpg%2fx.php",
            "upload.jpg%20/x.php",
        ] {
            assert!(rest(raw).is_err(), "{raw}: {:?}", rest(raw));
        }
        let tenant = template("/{t}", "fastcgi://h:9000/{t}/stream.php");
        let expand = |t: &str| tenant.expand(&[("t", t)].into_iter().collect(), "");
        assert!(expand("acme").is_ok());
        assert_eq!(expand("shell.php"), Err(ExpandFault::Script));
    }

    #[rstest]
    #[case("")]
    #[case("/")]
    #[case("x")]
    #[case(".php")]
    #[case("x.PHP")]
    #[case("x.php5")]
    #[case("x.phps")]
    #[case("a..b.php")]
    #[case("..php")]
    #[case("x..php")]
    #[case("../x.php")]
    #[case("a/../x.php")]
    #[case("%2e%2e/x.php")]
    #[case("a//x.php")]
    #[case("x.php;v=1")]
    #[case("a%20b.php")]
    #[case("%e4%b8%ad.php")]
    #[case("~root/x.php")]
    #[case("x.php:9001")]
    #[case("@evil/x.php")]
    fn what_a_client_names_must_be_a_plain_script(#[case] raw: &str) {
        assert!(rest(raw).is_err(), "{:?}", rest(raw));
    }

    #[rstest]
    #[case("x.php", "x.php")]
    #[case("a/b-c/d_e.f.php", "a/b-c/d_e.f.php")]
    #[case("%78.php", "x.php")]
    fn a_plain_script_is_reached_below_the_templates_own_folders(
        #[case] raw: &str,
        #[case] path: &str,
    ) {
        let url = format!("fastcgi://h:9000/v1.2/{path}?a=b");
        assert_eq!(rest(raw), Ok(url));
    }

    #[test]
    fn the_authors_own_words_are_believed() {
        let none = Variables::default();
        for url in ["fastcgi://h:9000/a.b/c", "fastcgi://h:9000/x.php?q=1"] {
            assert_eq!(template("/", url).expand(&none, ""), Ok(url.to_owned()));
        }
        let mixed = template("/{s}", "fastcgi://h:9000/feed-{s}.php?s={s}");
        let variables: Variables = [("s", "BRK.B")].into_iter().collect();
        let url = "fastcgi://h:9000/feed-BRK.B.php?s=BRK.B";
        assert_eq!(mixed.expand(&variables, ""), Ok(url.to_owned()));
    }
}
