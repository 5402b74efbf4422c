//! Every refusal: `bad/<code>[-variant].sg`, or a folder with a `policy.sg` where files are included, shows the
//! mistakes of one code and nothing else; its snapshot is what the author reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use palisade::front::{self, Front};
use palisade::report::{self, Look};
use palisade::source::LoadOptions;
use palisade::{resolve, source};

use crate::command::root;

/// More findings than these are not shown one by one.
const MOST_SHOWN: usize = 20;

/// Cases that cannot help showing a second code, and which.
const COMPANIONS: &[(&str, &str)] = &[
    ("missing-kind-and-network", "palisade::resolve::missing-network"),
    ("too-many-errors", "palisade::resolve::priority"),
];

/// Codes that no file can show on every machine; the unit tests of loading hold a case for each.
const WITHOUT_CASE: &[&str] =
    &["palisade::source::include-too-large", "palisade::source::include-unreadable"];

/// Each case: its name, and the path of its root file from the repository's root.
fn cases() -> BTreeMap<String, PathBuf> {
    let folder = Path::new("tests/bad");
    let mut cases = BTreeMap::new();
    for entry in std::fs::read_dir(root().join(folder)).expect("the folder of cases") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let file = path.file_name().expect("a name");
        let case = if path.is_dir() { folder.join(file).join("policy.sg") } else { folder.join(file) };
        cases.insert(name, case);
    }
    assert!(cases.len() > 80, "only {} cases found", cases.len());
    cases
}

fn codes() -> Vec<(&'static str, &'static str)> {
    [resolve::CODES, source::CODES].concat()
}

/// The code that a case is named after: the longest that the name begins with.
fn code_of(name: &str) -> &'static str {
    let fits = codes().into_iter().map(|(code, _)| code).filter(|code| {
        let kebab = code.rsplit("::").next().expect("a last part");
        name.strip_prefix(kebab).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    fits.max_by_key(|code| code.len()).unwrap_or_else(|| panic!("{name} is named after no code"))
}

/// Tests run in the package's folder, so paths in messages are the same everywhere.
fn read(path: &Path) -> Front {
    front::read(path, &LoadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_case_shows_its_code_and_no_other() {
    for (name, path) in cases() {
        let code = code_of(&name);
        let front = read(&path);
        let mut found: BTreeSet<&str> = front.diagnostics.iter().map(|found| found.code).collect();
        assert!(found.remove(code), "{name} does not show {code} but {found:?}");
        let companions: BTreeSet<&str> =
            COMPANIONS.iter().filter(|(case, _)| *case == name).map(|(_, code)| *code).collect();
        assert_eq!(found, companions, "{name} shows more than {code}");
        let refused = front.diagnostics.iter().any(|found| found.is_error());
        assert_eq!(front.policy.is_none(), refused, "{name}: a policy comes out exactly without errors");
    }
}

#[test]
fn each_code_has_a_case() {
    let shown: BTreeSet<&str> =
        cases().keys().map(|name| code_of(name)).chain(WITHOUT_CASE.iter().copied()).collect();
    let declared: BTreeSet<&str> = codes().into_iter().map(|(code, _)| code).collect();
    assert_eq!(shown, declared);
    assert_eq!(declared.len(), codes().len(), "a code is declared twice");
}

#[test]
fn each_case_reads_well() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots/bad"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, path) in cases() {
        let front = read(&path);
        let (shown, rest) = front.diagnostics.split_at(front.diagnostics.len().min(MOST_SHOWN));
        let last = rest.last().into_iter().cloned();
        let shown: Vec<_> = shown.iter().cloned().chain(last).collect();
        let summary = report::summary(&front.diagnostics).expect("something was found");
        let text = format!("{}{summary}\n", report::plain(&shown, &front.sources));
        settings.bind(|| insta::assert_snapshot!(name.as_str(), text));
    }
}

#[test]
fn people_see_all_files_of_a_mistake() {
    let front = read(Path::new("tests/bad/duplicate-set-in-include/policy.sg"));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots/bad"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, unicode) in [("drawn-in-unicode", true), ("drawn-in-ascii", false)] {
        let look = Look { unicode, color: false, width: 100 };
        let drawn = report::people(&front.diagnostics, &front.sources, look);
        settings.bind(|| insta::assert_snapshot!(name, drawn));
    }
    let json = report::json_lines(&front.diagnostics, &front.sources);
    settings.bind(|| insta::assert_snapshot!("as-json", json));
}

/// Lower case, no final period, user input in balanced backticks, a remedy for every error.
#[test]
fn each_text_keeps_the_house_style() {
    for (name, path) in cases() {
        for found in read(&path).diagnostics {
            assert!(found.help.is_some(), "{name}: no remedy for `{}`", found.message);
            assert!(!found.labels.is_empty(), "{name}: no place for `{}`", found.message);
            let labels = found.labels.iter().map(|label| &label.text);
            for text in labels.chain([&found.message]).chain(&found.help) {
                style(&name, text);
            }
        }
    }
    for (code, explanation) in codes() {
        style(code, explanation);
    }
}

pub(crate) fn style(name: &str, text: &str) {
    let acronym = ["NIC", "IPv", "UTF"].iter().any(|word| text.starts_with(word));
    let first = text.chars().next().unwrap_or('X');
    assert!(!first.is_uppercase() || acronym, "{name}: upper case: {text}");
    assert!(!text.ends_with('.'), "{name}: a final period: {text}");
    assert_eq!(text.matches('`').count() % 2, 0, "{name}: an open backtick: {text}");
}

/// Whatever stands in a file, every form can be shown, and no control or bidirectional character gets through.
#[test]
fn every_case_can_be_shown_safely() {
    let syntax = std::fs::read_dir(root().join("grammar/tests/bad")).expect("the cases of the grammar");
    let syntax = syntax.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    for path in cases().into_values().chain(syntax) {
        let front = read(&path);
        let mut shown = vec![
            report::plain(&front.diagnostics, &front.sources),
            report::json_lines(&front.diagnostics, &front.sources),
        ];
        for unicode in [true, false] {
            let look = Look { unicode, color: false, width: 80 };
            shown.push(report::people(&front.diagnostics, &front.sources, look));
        }
        for text in shown {
            assert!(!text.contains("Failed to read"), "{}: {text}", path.display());
            let harmless = text.lines().all(|line| report::visible(line) == line);
            assert!(harmless, "{}: {}", path.display(), text.escape_debug());
        }
    }
}
