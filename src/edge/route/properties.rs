use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::tests::{Setup, headers, paths};
use super::*;

/// Segment by segment from the left: literal, variable, remainder.
fn naive(table: &[&str], path: &str) -> Option<usize> {
    let ranks = |template: &str| {
        let mut ranks = Vec::new();
        let mut parts = path.split('/');
        for segment in template.split('/') {
            let part = parts.next();
            match (segment, part) {
                ("{r*}", Some(_)) => {
                    ranks.push(2);
                    return Some(ranks);
                }
                ("{v}" | "{w}", Some(part)) if !part.is_empty() => ranks.push(1),
                (literal, Some(part)) if literal == part => ranks.push(0),
                _ => return None,
            }
        }
        parts.next().is_none().then_some(ranks)
    };
    let found = (0..table.len()).filter_map(|i| Some((ranks(table[i])?, i)));
    found.min().map(|(_, i)| i)
}

proptest! {
    #[test]
    fn routes_are_found_as_by_trying_all(
        order in Just((0..20usize).collect::<Vec<_>>()).prop_shuffle(),
        count in 1..20usize,
        path in "(/(a|ab|b|c|)){1,5}",
    ) {
        let all = [
            "/", "/a", "/a/", "/ab", "/{v}", "/{v}/", "/{r*}", "/a/{r*}", "/{v}/{r*}", "/a/b",
            "/a/{v}", "/{v}/b", "/{v}/{w}", "/a/b/{r*}", "/a/{v}/{r*}", "/{v}/b/{r*}", "/{v}/{w}/c",
            "/a/{v}/c", "/ab/c/{v}", "/{v}/{w}/{r*}",
        ];
        let table: Vec<&str> = order.into_iter().take(count).map(|i| all[i]).collect();
        let routes = Routes::new(&paths(&table)).unwrap();
        let found = routes.find(&path).map(|(i, _)| i);
        prop_assert_eq!(found, naive(&table, &path), "{:?} {}", table, path);
    }

    #[test]
    fn keys_are_equal_exactly_if_the_upstream_requests_are(
        a in "((lang|b|x|_|fantail|lastEventId)=[12]&){0,3}",
        b in "((lang|b|x|_|fantail|lastEventId)=[12]&){0,3}",
        user_a in "[12]?", user_b in "[12]?", noise in "[a-z]{0,4}",
    ) {
        let setup = Setup::new("http://h/a?s={s}", &["lang", "b"]);
        let request = |user: &str, noise: &str| {
            headers(&[("x-user", user.as_bytes()), ("x-noise", noise.as_bytes())])
        };
        let key_a = setup.key(&a, &request(&user_a, "")).unwrap();
        let key_b = setup.key(&b, &request(&user_b, &noise)).unwrap();
        prop_assert_eq!(key_a == key_b, key_a.url() == key_b.url() && user_a == user_b);
        // What is not declared makes no difference.
        let declared = |query: &str| {
            let pairs = query.split('&').filter(|p| p.starts_with("lang") || p.starts_with('b'));
            pairs.collect::<Vec<_>>().join("&")
        };
        prop_assert_eq!(&key_a, &setup.key(&declared(&a), &request(&user_a, &noise)).unwrap());
    }

    #[test]
    fn what_is_said_to_fantail_is_in_no_key(
        name in "(lastEventId|last_event_id|fantail|_|last%45ventId)", value in "[a-z0-9%]{0,9}",
    ) {
        let setup = Setup::new("http://h/a", &["*"]);
        let with = format!("x=1&{name}={value}");
        prop_assert_eq!(setup.url(&with), setup.url("x=1"));
    }

    #[test]
    fn no_bytes_make_an_id_with_control_characters(
        bytes in proptest::collection::vec(any::<u8>(), 0..20), query in any::<String>(),
    ) {
        let mut map = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            map.insert("last-event-id", value);
        }
        let query = format!("lastEventId={query}");
        if let Some(Resume::Id(id)) = resume_id(&map, Some(&query), 16) {
            prop_assert!(!id.is_empty() && id.len() <= 16);
            prop_assert!(!id.bytes().any(|b| b < 0x20 || b == 0x7f));
        }
    }
}
