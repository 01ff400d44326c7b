//! What becomes a key, and what does not.

use proptest::prelude::*;
use rstest::rstest;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;
use crate::event::EventName;

/// Section 5 of RFC 6901.
const RFC: &str = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4,
    "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;

/// The key at a place, or why there is none.
fn find(pointer: &str, json: &str) -> Result<String, String> {
    // What is left of another event says nothing about this one.
    let mut buffer = String::from("left over");
    let pointer = Pointer::parse(pointer).unwrap();
    let found = pointer.find(json, &mut buffer).map(str::to_owned);
    found.map_err(|why| why.to_string())
}

#[rstest]
#[case("/foo/0", "bar")]
#[case("/", "0")]
#[case("/a~1b", "1")]
#[case("/c%d", "2")]
#[case("/e^f", "3")]
#[case("/g|h", "4")]
#[case("/i\\j", "5")]
#[case("/k\"l", "6")]
#[case("/ ", "7")]
#[case("/m~0n", "8")]
fn the_examples_of_the_rfc_are_found(#[case] pointer: &str, #[case] key: &str) {
    assert_eq!(find(pointer, RFC).as_deref(), Ok(key));
}

#[rstest]
#[case("/foo", RFC, "object or a list")]
#[case("/foo/2", RFC, "nothing")]
#[case("/foo/-", RFC, "nothing")]
#[case("/foo/00", RFC, "nothing")]
#[case("/foo/+1", RFC, "nothing")]
#[case("/foo/99999999999999999999", RFC, "nothing")]
#[case("/foo/0/x", RFC, "nothing")]
#[case("/a", r#"{"a": {}}"#, "object or a list")]
#[case("/a", r#"{"a": null}"#, "empty")]
#[case("/a/b", r#"{"a": null}"#, "nothing")]
#[case("/a/b", r#"{"a": true}"#, "nothing")]
#[case("/a/b", r#"{"a": 1e300}"#, "nothing")]
#[case("/a", r#"{"a": ""}"#, "empty")]
#[case("/a", r#""a""#, "nothing")]
#[case("/a", "AAPL 101.25", "no JSON")]
#[case("/a", "", "no JSON")]
#[case("/a", r#"{"a": "x"} {"a": "y"}"#, "no JSON")]
#[case("/a", r#"{"a": "x", "#, "no JSON")]
#[case("/a", r#"{"a": "\ud800"}"#, "no JSON")]
#[case("/a", r#"{"a": 1e999}"#, "no JSON")]
fn what_is_no_simple_value_is_no_key(#[case] pointer: &str, #[case] json: &str, #[case] why: &str) {
    let said = find(pointer, json).unwrap_err();
    assert!(said.contains(why), "{said}");
}

#[rstest]
#[case("\"AAPL\"", "AAPL")]
#[case(r#""\u00e4\"\n""#, "ä\"\n")]
#[case("1", "1")]
#[case("\"1\"", "1")]
#[case("1.0", "1")]
#[case("1e0", "1")]
#[case("-0.0", "0")]
#[case("-7", "-7")]
#[case("1.50", "1.5")]
#[case("2.5e-7", "2.5e-7")]
#[case("18446744073709551615", "18446744073709551615")]
#[case("-9223372036854775808", "-9223372036854775808")]
#[case("9007199254740991.0", "9007199254740991")]
#[case("true", "true")]
#[case("false", "false")]
fn a_value_becomes_a_key_as_it_would_become_a_property_s_name(
    #[case] value: &str,
    #[case] key: &str,
) {
    assert_eq!(
        find("/a", &format!("{{\"a\":{value}}}")).as_deref(),
        Ok(key)
    );
}

#[rstest]
#[case("9007199254740992.0")]
#[case("1e20")]
#[case("18446744073709551616")]
#[case("-9223372036854775809")]
fn a_number_that_is_rounded_is_no_key(#[case] number: &str) {
    let said = find("/a", &format!("{{\"a\":{number}}}")).unwrap_err();
    assert!(said.contains("too large"), "{said}");
}

#[test]
fn of_members_with_one_name_the_last_counts() {
    assert_eq!(find("/a", r#"{"a":1,"b":2,"a":3}"#).as_deref(), Ok("3"));
    assert_eq!(
        find("/a/b", r#"{"a":{"b":1},"\u0061":{"b":2}}"#).as_deref(),
        Ok("2")
    );
    assert!(find("/a", r#"{"a":1,"a":null}"#).is_err());
    assert!(find("/a/b", r#"{"a":{"b":1},"a":{}}"#).is_err());
    assert!(find("/a/b", r#"{"a":{"b":1},"a":[1,2]}"#).is_err());
}

#[test]
fn deep_data_is_no_danger() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert!(find("/0", &deep).is_err());
    assert!(find(&"/0".repeat(100), &deep).is_err());
    assert!(find("/0", &"[".repeat(10_000)).is_err());
    assert!(find("/a", &format!("{{\"a\":{deep}}}")).is_err());
    // What is passed over is not descended into.
    let beside = format!("{{\"deep\":{deep},\"symbol\":\"AAPL\"}}");
    assert_eq!(find("/symbol", &beside).as_deref(), Ok("AAPL"));
}

#[test]
fn the_deepest_pointer_reaches_its_value() {
    let json = "[".repeat(100) + "7" + &"]".repeat(100);
    assert_eq!(find(&"/0".repeat(100), &json).as_deref(), Ok("7"));
}

#[test]
fn a_key_has_a_bound_and_is_never_cut() {
    let fits = "x".repeat(KEY_BYTES);
    let long = "x".repeat(KEY_BYTES + 1);
    let at = |value: &str| find("/a", &format!("{{\"a\":{value:?}}}"));
    assert_eq!(at(&fits), Ok(fits.clone()));
    assert!(at(&long).unwrap_err().contains("256 bytes"));
    let (name, id) = (EventName::new(&long), EventId::new(&long));
    let event = event(name, "");
    let mut buffer = String::new();
    assert!(matches!(
        EventKey::Name.of(&event, None, &mut buffer),
        Err(NoKey::Long)
    ));
    assert!(matches!(
        EventKey::Id.of(&event, id.as_ref(), &mut buffer),
        Err(NoKey::Long)
    ));
}

fn event(name: Option<EventName>, data: &str) -> Event {
    Event {
        id: None,
        own_id: false,
        name,
        data: data.into(),
    }
}

#[test]
fn the_type_and_the_id_are_keys_as_they_are() {
    let mut buffer = String::new();
    let tick = event(EventName::new("tick"), "1");
    assert_eq!(EventKey::Name.of(&tick, None, &mut buffer).unwrap(), "tick");
    let plain = event(None, "1");
    assert_eq!(
        EventKey::Name.of(&plain, None, &mut buffer).unwrap(),
        "message"
    );
    let (id, reset) = (EventId::new("7"), EventId::new(""));
    assert_eq!(
        EventKey::Id.of(&plain, id.as_ref(), &mut buffer).unwrap(),
        "7"
    );
    assert!(matches!(
        EventKey::Id.of(&plain, None, &mut buffer),
        Err(NoKey::Missing)
    ));
    let none = EventKey::Id.of(&plain, reset.as_ref(), &mut buffer);
    assert!(matches!(none, Err(NoKey::Empty)));
}

#[rstest]
#[case("event")]
#[case("id")]
#[case("json:/symbol")]
#[case("json:/")]
#[case("json:/a~1b/~0/0/01")]
fn a_rule_is_shown_as_it_was_written(#[case] text: &str) {
    assert_eq!(EventKey::parse(text).unwrap().to_string(), text);
}

#[rstest]
#[case("", "neither")]
#[case("Event", "neither")]
#[case("/symbol", "begin with `json:`")]
#[case("json", "begin with `json:`")]
#[case("json:", "as a whole")]
#[case("json:symbol", "begin with a slash")]
#[case("json:#/symbol", "begin with a slash")]
#[case("json:/a~", "followed by 0 or 1")]
#[case("json:/~2", "followed by 0 or 1")]
#[case("json:/~~0", "followed by 0 or 1")]
fn a_bad_rule_is_told_what_would_be_right(#[case] text: &str, #[case] why: &str) {
    let said = EventKey::parse(text).unwrap_err().to_string();
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_pointer_deeper_than_any_data_is_refused() {
    assert_eq!(Pointer::parse(&"/a".repeat(101)), Err(PointerFault::Depth));
}

/// A document whose objects may have several members of one name.
#[derive(Clone, Debug)]
enum Node {
    Simple(Value),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn write(&self, out: &mut String) {
        match self {
            Self::Simple(value) => *out += &value.to_string(),
            Self::Array(nodes) => {
                out.push('[');
                for (number, node) in nodes.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { ", " });
                    node.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (number, (name, node)) in members.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    *out += &Value::from(name.as_str()).to_string();
                    out.push(':');
                    node.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "", "0", "1", "01", "a/b", "~", "~1", "\"", "ä"])
            .prop_map(str::to_owned),
        1 => ".{0,3}",
    ]
}

fn simple() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-9i32..9).prop_map(|n| Value::from(f64::from(n))),
        ".{0,4}".prop_map(Value::from),
        (250usize..260).prop_map(|n| Value::from("x".repeat(n))),
    ]
}

fn document() -> impl Strategy<Value = Node> {
    simple()
        .prop_map(Node::Simple)
        .prop_recursive(4, 32, 4, |node| {
            prop_oneof![
                prop::collection::vec(node.clone(), 0..4).prop_map(Node::Array),
                prop::collection::vec((name(), node), 0..5).prop_map(Node::Object),
            ]
        })
}

fn pointer() -> impl Strategy<Value = String> {
    let token = name().prop_map(|name| name.replace('~', "~0").replace('/', "~1"));
    prop::collection::vec(token, 1..4).prop_map(|tokens| format!("/{}", tokens.join("/")))
}

/// The same, the long way round: the whole document is built, then looked into.
fn naive(pointer: &str, json: &str) -> Option<String> {
    let document: Value = serde_json::from_str(json).ok()?;
    let key = match document.pointer(pointer)? {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64()?;
            if number.abs() >= 2f64.powi(53) {
                return None;
            }
            let text = format!("{number:?}");
            let text = text.strip_suffix(".0").unwrap_or(&text);
            if text == "-0" { "0" } else { text }.to_owned()
        }
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (1..=KEY_BYTES).contains(&key.len()).then_some(key)
}

proptest! {
    #[test]
    fn a_random_document_says_the_same_as_its_tree(node in document(), pointer in pointer()) {
        let mut json = String::new();
        node.write(&mut json);
        prop_assert_eq!(find(&pointer, &json).ok(), naive(&pointer, &json));
    }

    #[test]
    fn a_document_that_is_broken_somewhere_has_no_key(
        node in document(), pointer in pointer(), cut in any::<prop::sample::Index>(), junk in ".{0,2}",
    ) {
        let mut json = String::new();
        node.write(&mut json);
        let at = json.char_indices().map(|(at, _)| at).nth(cut.index(json.chars().count())).unwrap();
        json.replace_range(at..at, &junk);
        let found = find(&pointer, &json).ok();
        if serde_json::from_str::<IgnoredAny>(&json).is_err() {
            prop_assert_eq!(found, None);
        } else if serde_json::from_str::<Value>(&json).is_ok() {
            prop_assert_eq!(found, naive(&pointer, &json));
        }
    }

    #[test]
    fn no_text_makes_it_panic(rule in ".{0,12}", tail in "(/[a~01]{0,2}){0,3}", data in ".{0,40}") {
        drop(EventKey::parse(&rule));
        drop(Pointer::parse(&rule));
        if let Ok(rule) = EventKey::parse(&format!("json:{tail}")) {
            prop_assert_eq!(rule.to_string(), format!("json:{tail}"));
            drop(rule.of(&event(None, &data), None, &mut String::new()).map(str::len));
        }
    }
}
