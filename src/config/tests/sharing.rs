//! `variables`, `cookies`, `share`, `cors`.

use super::*;
use crate::edge::Share;
use crate::edge::cors::{MAX_AGE, Origin, Policy, Readers};
use crate::edge::template::{ExpandFault, Variables};

const WITH_VARIABLES: &str =
    "[[route]]\npath = \"/p/{symbol}/{lang}\"\nupstream = \"http://h/{symbol}?l={lang}\"\n";

#[test]
fn a_rule_of_a_variable_reaches_the_upstreams_template() {
    let text = r#"variables = { symbol = "[A-Z]{1,8}", lang = ["en", "de"] }"#;
    let config = parse(&format!("{WITH_VARIABLES}{text}\n")).unwrap();
    let expand = |symbol: &str, lang: &str| {
        let variables: Variables = [("symbol", symbol), ("lang", lang)].into_iter().collect();
        config.routes[0].upstream.expand(&variables, "")
    };
    assert_eq!(expand("AAPL", "de").unwrap(), "http://h/AAPL?l=de");
    assert_eq!(expand("aapl", "de"), Err(ExpandFault::NoMatch));
    assert_eq!(expand("AAPL", "fr"), Err(ExpandFault::NoMatch));
}

#[test]
fn what_is_wrong_with_a_rule_is_told_at_its_place() {
    let text = r#"variables = { symbol = "[A-Z", lang = [], market = "x" }"#;
    insta::assert_snapshot!(parse(&format!("{WITH_VARIABLES}{text}\n")).unwrap_err(), @r#"
    error: fantail.toml:4:24: `symbol` of `variables`: unclosed character class
        4 | variables = { symbol = "[A-Z", lang = [], market = "x" }
          |                        ^^^^^^
       write a regular expression that the whole value must match, such as "[A-Z]{1,8}"

    error: fantail.toml:4:39: `lang` of `variables`: the list is empty, so that nothing would match
        4 | variables = { symbol = "[A-Z", lang = [], market = "x" }
          |                                       ^^
       write the values, such as ["en", "de"]

    error: fantail.toml:4:52: `variables` names `market`, which `path` does not have
        4 | variables = { symbol = "[A-Z", lang = [], market = "x" }
          |                                                    ^^^
       write {market} in `path`, or leave it out

    3 faults; nothing was started.
    "#);
    for table in [
        "symbol = 1",
        "symbol = [1]",
        "symbol = [\"a/b\"]",
        "symbol = \"((((a{99}){99}){99}){99})\"",
    ] {
        let text = format!("{WITH_VARIABLES}variables = {{ {table} }}\n");
        assert_eq!(parse(&text).unwrap_err().iter().count(), 1, "{table}");
    }
    assert_eq!(wrong("variables = \"[a-z]\"").lines().count(), 1);
}

#[test]
fn cookies_are_named_once_and_in_order() {
    let cookies = route("cookies = [\"b\", \"PHPSESSID\", \"b\"]").cookies;
    assert_eq!(cookies, ["PHPSESSID".into(), Box::from("b")]);
    insta::assert_snapshot!(wrong("headers = [\"X-A\", \"Cookie\"]\ncookies = [\"a\"]"), @r#"`headers` passes every cookie, `cookies` only some -> leave "Cookie" out of `headers`: analytics cookies would make every topic unique"#);
    insta::assert_snapshot!(wrong("cookies = [\"*\", \"a b\", \"\"]"), @r#"
    `cookies` is "*", which is not possible for cookies -> write `headers = ["Cookie"]` if every cookie is to pass
    `cookies` is "a b", which is no cookie's name -> write one such as "PHPSESSID"
    `cookies` is "", which is no cookie's name -> write one such as "PHPSESSID"
    "#);
    // Nothing named is nothing said.
    assert!(
        route("headers = [\"Cookie\"]\ncookies = []")
            .cookies
            .is_empty()
    );
}

#[test]
fn a_private_route_has_other_defaults() {
    let private = route("share = \"private\"");
    assert_eq!(private.share, Share::Private);
    assert_eq!(private.topic, hub::TopicOptions::private());
    assert_eq!(private.topic.linger, Duration::ZERO);
    assert_eq!(private.ingest.ids, IdPolicy::Upstream);
    assert!(!private.delivery.gap_ids);
    let said = "share = \"private\"\nids = \"upstream\"\nlinger = \"0s\"\nreplay.events = 7";
    assert_eq!(route(said).topic.replay.events, 7);
    assert_eq!(
        route("share = \"topic\"").topic,
        hub::TopicOptions::default()
    );
    insta::assert_snapshot!(
        wrong("share = \"private\"\nids = \"preserve\"\nlinger = \"15s\""),
        @r#"
    `ids` is "preserve", which gives ids that no upstream could go on from -> leave it out where `share` is "private"
    `linger` is "15s", which would keep a topic to which nobody can come back -> leave it out where `share` is "private"
    "#
    );
    insta::assert_snapshot!(wrong("share = \"nobody\""), @r#"`share` is "nobody", which is not one of its words -> write "topic" or "private""#);
}

#[test]
fn cors_is_a_list_of_origins_or_a_star() {
    let of = |origins: &[&str], credentials| Readers::Of {
        origins: origins.iter().map(|o| Origin::parse(o).unwrap()).collect(),
        credentials,
    };
    let policy = |readers, max_age| Some(Policy::new(readers, max_age, &[]));
    let app = "https://app.example";
    let cors = |table: &str| route(&format!("cors = {{ {table} }}")).cors;
    assert_eq!(
        cors("origins = [\"https://App.example:443\"]"),
        policy(of(&[app], false), MAX_AGE)
    );
    assert_eq!(
        cors(
            "origins = [\"https://app.example\", \"http://localhost:1\"], credentials = true, max_age = \"0s\""
        ),
        policy(of(&[app, "http://localhost:1"], true), Duration::ZERO)
    );
    assert_eq!(cors("origins = [\"*\"]"), policy(Readers::All, MAX_AGE));
    assert_eq!(cors("origins = []"), None);
    assert_eq!(route("").cors, None);
    let declared = route("headers = [\"X-Tenant\"]\ncors = { origins = [\"*\"] }").cors;
    assert_ne!(declared, policy(Readers::All, MAX_AGE));
}

#[test]
fn nonsense_in_cors_is_named() {
    for (table, words) in [
        (
            "origins = [\"*\"], credentials = true",
            "every site read with the visitor's cookies",
        ),
        ("origins = [], credentials = true", "credentials to nobody"),
        ("credentials = true", "this `cors` has no `origins`"),
        ("origins = [\"https://app.example/\"]", "has a path"),
        ("origins = [\"null\"]", "would allow every site"),
        ("origins = [\"*\", \"https://a.example\"]", "goes alone"),
        ("origins = [\"app.example\"]", "has no scheme"),
        ("origins = [\"https://*.example\"]", "is a pattern"),
        ("origins = \"https://app.example\"", "is not a list"),
        ("origins = [\"*\"], max_age = 600", "has no unit"),
        (
            "origins = [\"*\"], methods = [\"POST\"]",
            "is not a key of `cors`",
        ),
    ] {
        let told = wrong(&format!("cors = {{ {table} }}"));
        assert!(told.contains(words) && told.lines().count() == 1, "{told}");
    }
    assert_eq!(wrong("cors = \"*\"").lines().count(), 1);
}
