//! The house keeps its walls: who may import whom, how long a file may be, what it begins with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LAYER_0: &[&str] = &["event", "position", "sse", "topic_key"];
const SIDE: &[&str] = &["clock", "drain", "metrics", "overload", "pem"];

/// Who may import whom. What is not named here is layer 5, which may import everybody, and which
/// nobody else may.
const TABLE: &[(&str, &[&[&str]])] = &[
    ("position", &[]),
    ("event", &[&["position"]]),
    ("topic_key", &[]),
    ("sse", &[&["event", "position"]]),
    ("log", &[LAYER_0]),
    ("source", &[LAYER_0, SIDE]),
    ("hub", &[&["log"], LAYER_0, SIDE]),
    ("delivery", &[&["hub", "log"], LAYER_0, SIDE]),
    // `log` for the drafts that the hub's appender takes.
    ("ingest", &[&["hub", "source", "log"], LAYER_0, SIDE]),
    ("edge", &[&["delivery", "hub", "log"], LAYER_0, SIDE]),
    ("admin", &[&["hub"], SIDE]),
    ("metrics", &[LAYER_0]),
    ("drain", &[LAYER_0]),
    ("clock", &[LAYER_0]),
    ("overload", &[]),
    ("pem", &[]),
    (
        "config",
        &[
            &["source", "hub", "delivery", "ingest", "edge", "admin"],
            // For the words about files.
            &["pem"],
            LAYER_0,
        ],
    ),
];
const LAYER_5: &[&str] = &["app", "cli", "demo", "doctor", "lib", "main", "telemetry"];

struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// The crate's module that the file is part of.
    fn module(&self) -> &str {
        let first = self.path.components().next().unwrap();
        let name = first.as_os_str().to_str().unwrap();
        name.trim_end_matches(".rs")
    }

    /// How many `super::` lead to the crate's root.
    fn depth(&self) -> usize {
        let is_mod = self.path.ends_with("mod.rs");
        self.path.components().count() - usize::from(is_mod)
    }
}

#[test]
fn imports_go_down_only() {
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(allowed) = allowed(file.module()) else {
            continue;
        };
        for import in imports(&file) {
            if import != file.module() && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_its_place_in_the_table() {
    for file in sources() {
        let module = file.module();
        let is_known = LAYER_5.contains(&module) || allowed(module).is_some();
        assert!(is_known, "{module} is in no layer");
    }
}

#[test]
fn the_scanner_sees_what_it_should_and_nothing_else() {
    let file = |path: &str, text: &str| File {
        path: PathBuf::from(path),
        text: text.to_owned(),
    };
    let seen = |file: &File| imports(file).into_iter().collect::<Vec<_>>().join(" ");
    let planted = file(
        "log/ring.rs",
        "//! See [`crate::app`].\n\
         use super::super::ingest;\n\
         use crate::{clock, hub::{Hub, wake},\n    edge::Edge};\n\
         fn f() { let now = crate::delivery::now(); } // not crate::cli\n\
         #[cfg(test)]\nmod tests {\n    use crate::source::Feed;\n}\n\
         #[cfg(test)]\nuse crate::config;\n\
         fn g() { crate::drain::Drain::new(); }\n",
    );
    assert_eq!(seen(&planted), "clock delivery drain edge hub ingest");
    let root = file("hub/mod.rs", "use super::delivery::Shard;\n");
    assert_eq!(seen(&root), "delivery");
    assert!(!allowed("hub").unwrap().contains(&"delivery"));
}

#[test]
fn layers_0_and_1_know_no_runtime() {
    for file in sources() {
        if LAYER_0.contains(&file.module()) || file.module() == "log" {
            let code = code(&file.text);
            assert!(!code.contains("tokio"), "{}", file.path.display());
        }
    }
}

#[test]
fn no_file_needs_a_table_of_contents() {
    let files = sources();
    let mut lengths: Vec<usize> = files.iter().map(|f| f.text.lines().count()).collect();
    for (file, lines) in files.iter().zip(&lengths) {
        assert!(*lines <= 400, "{}: {lines} lines", file.path.display());
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < 200, "the median file has {median} lines");
}

#[test]
fn every_file_says_what_it_is() {
    for file in sources() {
        assert!(file.text.starts_with("//! "), "{}", file.path.display());
    }
}

fn allowed(module: &str) -> Option<Vec<&'static str>> {
    let (_, lists) = TABLE.iter().find(|(name, _)| *name == module)?;
    Some(lists.concat())
}

/// All of `src` but what only tests see.
fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 50, "the scanner looks at the wrong place");
    let tests: Vec<PathBuf> = files.iter().flat_map(test_modules).collect();
    files.retain(|file| {
        let stem = file.path.with_extension("");
        !tests.iter().any(|test| stem.starts_with(test))
    });
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(File {
                text: std::fs::read_to_string(&path).unwrap(),
                path: path.strip_prefix(root).unwrap().to_owned(),
            });
        }
    }
}

/// Modules that a file declares for tests only, as paths without extension.
fn test_modules(file: &File) -> Vec<PathBuf> {
    let folder = match file.path.file_name() {
        Some(name) if name == "mod.rs" || name == "lib.rs" => file.path.parent().unwrap().into(),
        _ => file.path.with_extension(""),
    };
    let lines: Vec<&str> = file.text.lines().collect();
    let pairs = lines.windows(2).filter(|pair| is_test_only(pair[0]));
    let names = pairs.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'));
    names.map(|name| folder.join(name)).collect()
}

fn is_test_only(line: &str) -> bool {
    line.trim_start().starts_with("#[cfg(") && line.contains("test")
}

/// The text without comments and without what only tests see.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if is_test_only(line) {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            // An item of one line, or a block up to the brace that stands below its begin.
            let mut rest = lines
                .by_ref()
                .take_while(|l| *l != end && !l.ends_with(';'));
            if rest.next().is_some_and(|first| first.ends_with('{')) {
                lines.by_ref().find(|l| *l == end);
            }
            continue;
        }
        code.push_str(line.split("//").next().unwrap());
        code.push('\n');
    }
    code
}

/// The modules of the crate that a file names.
fn imports(file: &File) -> BTreeSet<String> {
    let code = code(&file.text);
    let mut found = BTreeSet::new();
    let climb = "super::".repeat(file.depth());
    for root in ["crate::", &climb] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || (root == climb && before == ':') {
                continue;
            }
            names(&code[at + root.len()..], &mut found);
        }
    }
    found
}

/// The name, or the names of a braced list, that the text begins with.
fn names(text: &str, found: &mut BTreeSet<String>) {
    let Some(list) = text.strip_prefix('{') else {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        found.insert(text[..end.unwrap_or(text.len())].to_owned());
        return;
    };
    let (mut depth, mut is_begin) = (0, true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            ',' if depth == 0 => is_begin = true,
            c if is_begin && c.is_alphanumeric() => {
                names(&list[at..], found);
                is_begin = false;
            }
            _ => {}
        }
    }
}
