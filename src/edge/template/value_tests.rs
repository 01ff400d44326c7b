use proptest::prelude::*;
use rstest::rstest;

use super::tests::path;
use super::*;

fn pattern(text: &str) -> ValueRule {
    ValueRule::Pattern(Pattern::new(text).unwrap())
}

fn list(values: &[&str]) -> ValueRule {
    ValueRule::one_of(values.iter().map(|value| (*value).into()).collect()).unwrap()
}

/// Of `/p/{s}/{rest*}`, with this rule for one of them.
fn expand(name: &str, rule: ValueRule, raw: &str) -> Result<String, ExpandFault> {
    let upstream = "http://h/{s}/x?s={s}";
    let upstream = UpstreamTemplate::parse(upstream, &path("/p/{s}/{rest*}")).unwrap();
    let mut rules = ValueRules::default();
    rules.add(name, rule);
    let mut values = vec![("s", "A"), ("rest", "r")];
    values.retain(|(known, _)| *known != name);
    values.push((if name == "s" { "s" } else { "rest" }, raw));
    upstream
        .with_rules(rules)
        .expand(&values.into_iter().collect(), "")
}

#[rstest]
#[case("[A-Z]{1,8}", "AAPL", Some("AAPL"))]
#[case("[A-Z]{1,8}", "%41APL", Some("AAPL"))]
#[case("[A-Z]{1,8}", "aapl", None)]
#[case("[A-Z]{1,8}", "AAPLAAPLA", None)]
#[case("[A-Z]{1,8}", "xAAPL", None)]
#[case("[A-Z]{1,8}", "", None)]
#[case("a|ab", "ab", Some("ab"))]
#[case("a|ab", "abc", None)]
#[case("(?i)[a-z]+", "AaPl", Some("AaPl"))]
#[case("(?m)^a$", "a%0Ab", None)]
#[case(r"\d+", "12", Some("12"))]
#[case(r"\d+", "%D9%A1", None)]
#[case(".*", "a%20b", Some("a%20b"))]
#[case(".*", "a&b=c+d;e:f", Some("a%26b%3Dc%2Bd%3Be%3Af"))]
#[case(".*", "a%23%3f'\"", Some("a%23%3F%27%22"))]
fn a_pattern_holds_for_the_whole_decoded_value(
    #[case] text: &str,
    #[case] raw: &str,
    #[case] value: Option<&str>,
) {
    let expected = value.map_or(Err(ExpandFault::NoMatch), |value| {
        Ok(format!("http://h/{value}/x?s={value}"))
    });
    assert_eq!(expand("s", pattern(text), raw), expected);
}

#[rstest]
#[case(".")]
#[case("..")]
#[case("%2e%2e")]
#[case("..%3bx")]
#[case("..%20")]
#[case("a%2fb")]
#[case("a%5Cb")]
#[case("a\\b")]
#[case("u@h")]
#[case("u%40h")]
#[case("a%00")]
#[case("a%7f")]
#[case("a%252fb")]
#[case("a%")]
#[case("a%zz")]
#[case("é")]
#[case("%ef%bc%8f")]
#[case("%ff")]
fn no_pattern_loosens_what_a_value_may_hold(#[case] raw: &str) {
    for text in ["(?s).*", "(?s-u:.)*", r"[\x00-\xff]*"] {
        let expanded = expand("s", pattern(text), raw);
        assert_eq!(expanded, Err(ExpandFault::NoMatch), "{text}");
    }
    assert_eq!(
        expand("s", pattern(".*"), &"a".repeat(257)),
        Err(ExpandFault::NoMatch)
    );
}

#[test]
fn a_list_takes_its_own_values_and_no_other() {
    let take = |raw| expand("s", list(&["en", "价格", "a b"]), raw);
    assert_eq!(take("en").unwrap(), "http://h/en/x?s=en");
    assert_eq!(take("%65n").unwrap(), "http://h/en/x?s=en");
    let encoded = "%E4%BB%B7%E6%A0%BC";
    assert_eq!(
        take(encoded).unwrap(),
        format!("http://h/{encoded}/x?s={encoded}")
    );
    assert_eq!(take("a%20b").unwrap(), "http://h/a%20b/x?s=a%20b");
    for other in ["de", "EN", "en%20", "", "e"] {
        assert_eq!(take(other), Err(ExpandFault::NoMatch), "{other}");
    }
}

#[rstest]
#[case("a/b.php", true)]
#[case("a/%62.php", true)]
#[case("a/b.php/", false)]
#[case("a%2fb.php", false)]
#[case("", false)]
#[case("x/b.php", false)]
fn a_remainder_is_judged_as_a_whole_although_the_upstream_does_not_name_it(
    #[case] raw: &str,
    #[case] is_taken: bool,
) {
    let expanded = expand("rest", pattern(r"a/[a-z]+\.php"), raw);
    assert_eq!(expanded.is_ok(), is_taken, "{expanded:?}");
    let escape = UpstreamTemplate::parse("http://h/b/{rest*}", &path("/{rest*}")).unwrap();
    let mut rules = ValueRules::default();
    rules.add("rest", pattern("(?s).*"));
    let variables = [("rest", "a/../../c")].into_iter().collect();
    assert!(escape.with_rules(rules).expand(&variables, "").is_err());
}

#[rstest]
#[case("[A-Z", "unclosed character class")]
#[case("a)|(b", "unopened group")]
#[case("(?x)a # b", "unclosed group")]
#[case("a{2,1}", "invalid repetition count range")]
#[case(r"\p{Greek}", "Unicode")]
#[case("(((a{100}){100}){100})", "too large")]
#[case("(?P<x>a)(?P<x>b)", "duplicate capture group name")]
fn what_is_no_pattern_is_said_in_the_librarys_own_words(#[case] text: &str, #[case] words: &str) {
    let fault = Pattern::new(text).unwrap_err().to_string();
    assert!(fault.contains(words) && !fault.contains('\n'), "{fault}");
}

#[test]
fn a_list_holds_only_what_a_client_could_send() {
    let bad = |values: &[&str]| {
        let values = values.iter().map(|value| (*value).into()).collect();
        ValueRule::one_of(values).unwrap_err()
    };
    assert_eq!(bad(&[]), RuleFault::Empty);
    for value in ["", "..", "a/b", "a\\b", "a@b", "a%2fb", "a\n"] {
        assert_eq!(bad(&["en", value]), RuleFault::Value(value.into()));
    }
}

proptest! {
    #[test]
    fn whatever_a_pattern_takes_stays_in_its_place(
        raw in prop_oneof![any::<String>(), r"([./%\\;@:?#&= ]|%2[eEfF]|%5[cC]|%00|[a-c]|é){0,16}"],
    ) {
        let Ok(url) = expand("s", pattern("(?s).*"), &raw) else { return Ok(()) };
        let uri: http::Uri = url.parse().unwrap();
        prop_assert_eq!(uri.authority().unwrap().as_str(), "h");
        let parts: Vec<_> = uri.path().split('/').collect();
        prop_assert_eq!((parts.len(), parts[0], parts[2]), (3, "", "x"));
        prop_assert!(parts[1] != "." && parts[1] != ".." && !parts[1].is_empty());
        let query = uri.query().unwrap();
        prop_assert_eq!(query.strip_prefix("s="), Some(parts[1]));
        prop_assert!(!query.contains('&') && query.matches('=').count() == 1);
    }
}
