//! What an event is about: where the data is JSON, the key is what the whole document says at that
//! place; a text that is no JSON has none; nothing panics.
//!
//! Input: a line with the pointer, then the data.

#![no_main]

use fantail::ingest::key::{KEY_BYTES, Pointer};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// From here on a float is the neighbour of others that were written.
const EXACT: f64 = 9_007_199_254_740_992.0;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (place, data) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(pointer) = Pointer::parse(place) else {
        return;
    };
    assert_eq!(pointer.to_string(), place);
    let mut buffer = String::from("left over");
    let found = pointer.find(data, &mut buffer).ok();
    // What the tree refuses and a key does not is passed over: deep lists, endless numbers.
    if let Ok(document) = serde_json::from_str::<Value>(data) {
        assert_eq!(
            found.map(str::to_owned),
            document.pointer(place).and_then(key)
        );
    }
});

fn key(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.abs() >= EXACT => return None,
            Some(float) if float.fract() == 0.0 => format!("{}", float as i64),
            Some(float) => format!("{float:?}"),
            None => number.to_string(),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (1..=KEY_BYTES).contains(&text.len()).then_some(text)
}
