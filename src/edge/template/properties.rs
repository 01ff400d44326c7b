use http::Uri;
use proptest::prelude::*;

use super::tests::{path, rest, symbol};
use super::*;

proptest! {
    #[test]
    fn no_raw_text_leads_out_of_the_template(
        raw in prop_oneof![
            any::<String>(),
            r"(a|\.|\.\.|%2e%2E|\.%2e|\.\.;|\.\.%20)(/(a|\.|\.\.|%2e%2e)){0,3}",
            r"([./%\\;@:?#&= ]|%2[eEfF]|%5[cC]|%00|\.\.|[a-c]|中|%e4%b8%ad){0,24}",
        ],
    ) {
        for url in [rest(&raw), symbol(&raw)].into_iter().flatten() {
            let uri: Uri = url.parse().unwrap();
            prop_assert_eq!(uri.scheme_str(), Some("http"));
            prop_assert_eq!(uri.authority().unwrap().as_str(), "h:8000");
            prop_assert!(uri.path().starts_with("/base/"));
            prop_assert!(!url.contains(['#', '\\']) && url.is_ascii());
            for part in uri.path().split('/') {
                let decoded = percent_encoding::percent_decode_str(part).decode_utf8().unwrap();
                prop_assert!(decoded != ".." && decoded != "." && !decoded.contains('/'));
            }
        }
    }

    #[test]
    fn no_raw_text_runs_anything_but_a_plain_script(
        raw in prop_oneof![
            any::<String>(),
            r"(([a-z%.]|%2[eEfF]|php){1,6}/){0,3}([a-z.%:;@]|%00|%2e){0,8}(\.php)?",
        ],
    ) {
        for (base, upstream) in [
            ("fastcgi://h:9000/v1.2/", "fastcgi://h:9000/v1.2/{rest*}"),
            ("fastcgi://unix:/run/x.sock:/a/", "fastcgi://unix:/run/x.sock:/a/{rest*}"),
        ] {
            let upstream = UpstreamTemplate::parse(upstream, &path("/{rest*}")).unwrap();
            let variables = [("rest", raw.as_str())].into_iter().collect();
            let Ok(url) = upstream.expand(&variables, "") else { continue };
            let script = url.strip_prefix(base).unwrap();
            let (folders, name) = script.rsplit_once('/').unwrap_or(("", script));
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            prop_assert!(folders.chars().all(|c| plain(c) || c == '/'), "{}", url);
            prop_assert!(name.chars().all(|c| plain(c) || c == '.'), "{}", url);
            let stem = name.strip_suffix(".php").unwrap_or_default();
            prop_assert!(!stem.is_empty() && !name.contains(".."), "{}", url);
        }
    }

    #[test]
    fn canonical_text_is_its_own_canonical_form(raw in any::<String>()) {
        if let Ok(once) = segment::canonical(&segment::ascii(&raw)) {
            prop_assert_eq!(segment::canonical(&once), Ok(once));
        }
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in r"(http://|[{}/a*.:\[\]@?#%=& é]){0,24}") {
        let everything = path("/{a}/{rest*}");
        if let Ok(path) = PathTemplate::parse(&text) {
            prop_assert_eq!(path.as_str(), text.as_str());
        }
        if let Ok(upstream) = UpstreamTemplate::parse(&text, &everything) {
            prop_assert!(upstream.origin().starts_with("http://"));
        }
    }
}
