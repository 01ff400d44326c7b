//! `fastcgi://` and `root`.

use super::*;

fn fastcgi(lines: &str) -> Result<Config, Faults> {
    let upstream = "fastcgi://127.0.0.1:9000/demo_sse.php";
    parse(&format!(
        "{}{lines}",
        ROUTE.replace("http://127.0.0.1:8000/", upstream)
    ))
}

#[test]
fn a_fastcgi_upstream_has_a_root_and_no_other_has() {
    let config = fastcgi("root = \"/srv/www/\"").unwrap();
    let found = &config.routes[0];
    assert_eq!(found.source.root.as_deref(), Some("/srv/www"));
    assert_eq!(found.upstream.origin(), "fastcgi://127.0.0.1:9000");
    insta::assert_snapshot!(
        wrong("root = \"/srv/www\""),
        @r#"`root` is "/srv/www", which is for fastcgi:// upstreams only -> leave it out"#
    );
    assert!(route("root = \"\"").source.root.is_none());
}

#[test]
fn a_root_that_is_missing_or_bad_is_one_fault() {
    for lines in ["", "root = \"\""] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(fastcgi(lines).unwrap_err(), @r#"
            error: fantail.toml:3:12: a fastcgi:// upstream needs the route's `root`
                3 | upstream = "fastcgi://127.0.0.1:9000/demo_sse.php"
                  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
               add the folder of the scripts as the FastCGI server sees it, such as `root = "/srv/www"`

            1 fault; nothing was started.
            "#);
        }
    }
    for lines in ["root = \"www\"", "root = \"/srv/../etc\"", "root = 1"] {
        let faults = fastcgi(lines).unwrap_err();
        assert_eq!(faults.iter().count(), 1, "{faults}");
    }
}

#[test]
fn a_fastcgi_server_alone_is_no_complete_configuration() {
    let faults = Config::for_upstream("fastcgi://127.0.0.1:9000", &Flags::default(), &[]);
    insta::assert_snapshot!(faults.unwrap_err(), @r#"
    error: flag --upstream: a fastcgi:// upstream needs the route's `root`
       add the folder of the scripts as the FastCGI server sees it, such as `root = "/srv/www"`

    1 fault; nothing was started.
    "#);
}
