//! Where includes may lead, and what is said when they may not.

use std::fs;
use std::path::Path;

use super::{LoadOptions, Loaded, Memory, ReadError, load, load_from, load_text};

fn memory(files: &[(&str, &str)]) -> Memory {
    files.iter().fold(Memory::new(), |memory, (path, text)| memory.with(path, *text))
}

fn loaded(files: &[(&str, &str)], options: &LoadOptions) -> Loaded {
    load_from(&memory(files), Path::new("/site/policy.sg"), options).expect("the root file is there")
}

fn codes(loaded: &Loaded) -> Vec<&str> {
    let codes = loaded.diagnostics.iter().map(|found| found.code.strip_prefix("palisade::source::"));
    codes.map(|code| code.expect("only loading goes wrong")).collect()
}

fn paths(loaded: &Loaded) -> Vec<&str> {
    loaded.files.iter().filter_map(|(id, _)| loaded.sources.get(*id)).map(|file| file.path.as_str()).collect()
}

#[test]
fn each_file_is_read_once_and_shown_by_its_folder() {
    let loaded = loaded(
        &[
            ("/site/policy.sg", "include \"a/one.sg\"\ninclude \"a/../two.sg\"\ninclude \"./a/one.sg\"\n"),
            ("/site/a/one.sg", "include \"../two.sg\"\n"),
            ("/site/two.sg", "network prod = vpc\n"),
        ],
        &LoadOptions::default(),
    );
    assert_eq!(codes(&loaded), [""; 0]);
    assert_eq!(paths(&loaded), ["/site/policy.sg", "/site/a/one.sg", "/site/two.sg"]);
}

#[test]
fn other_folders_must_be_allowed() {
    let files = [
        ("/site/policy.sg", "include \"../lib/a.sg\"\ninclude \"/lib/b.sg\"\ninclude \"/site/c.sg\"\n"),
        ("/lib/a.sg", ""),
        ("/lib/b.sg", "include \"a.sg\"\ninclude \"../site/c.sg\"\ninclude \"../library/d.sg\"\n"),
        ("/site/c.sg", ""),
        ("/library/d.sg", ""),
    ];
    let strict = loaded(&files, &LoadOptions::default());
    assert_eq!(codes(&strict), ["include-outside", "include-absolute", "include-absolute"]);
    let options = LoadOptions { include_dirs: vec!["/lib".into()], ..LoadOptions::default() };
    let wide = loaded(&files, &options);
    assert_eq!(codes(&wide), ["include-absolute", "include-outside"]);
    assert_eq!(paths(&wide), ["/site/policy.sg", "/lib/a.sg", "/lib/b.sg", "/site/c.sg"]);
}

#[test]
fn what_lies_outside_is_not_told() {
    let files =
        [("/site/policy.sg", "include \"../there.sg\"\ninclude \"../not-there.sg\"\n"), ("/there.sg", "")];
    let loaded = loaded(&files, &LoadOptions::default());
    let told: Vec<String> =
        loaded.diagnostics.iter().map(|found| found.message.replace("not-", "")).collect();
    assert_eq!(told[0], told[1]);
    assert_eq!(codes(&loaded), ["include-outside"; 2]);
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(folder.path().join("secret.sg"), "network secret = vpc\n").unwrap();
    fs::write(home.join("real.sg"), "network prod = vpc\n").unwrap();
    std::os::unix::fs::symlink("../secret.sg", home.join("out.sg")).unwrap();
    std::os::unix::fs::symlink("real.sg", home.join("in.sg")).unwrap();
    let root = home.join("policy.sg");
    fs::write(&root, "include \"out.sg\"\ninclude \"in.sg\"\ninclude \"real.sg\"\n").unwrap();
    let loaded = load(&root, &LoadOptions::default()).unwrap();
    assert_eq!(codes(&loaded), ["include-outside"]);
    assert_eq!(
        paths(&loaded)[1..],
        [home.join("real.sg").display().to_string()],
        "two names of one file are one file"
    );
}

#[test]
fn a_file_has_a_largest_size() {
    let files = [("/site/policy.sg", "include \"a.sg\"\n"), ("/site/a.sg", "# a long comment, really\n")];
    let options = LoadOptions { largest_file: 20, ..LoadOptions::default() };
    assert_eq!(codes(&loaded(&files, &options)), ["include-too-large"]);
    let tiny = LoadOptions { largest_file: 10, ..LoadOptions::default() };
    let error = load_from(&memory(&files), Path::new("/site/policy.sg"), &tiny).unwrap_err();
    assert_eq!(error.why, ReadError::TooLarge(10));
}

#[test]
fn a_root_file_that_cannot_be_read_has_no_place() {
    let memory = Memory::new().with("/site/policy.sg", "a \u{e9}".as_bytes()).with("/bad.sg", [b'a', 0xff]);
    let load = |path| load_from(&memory, Path::new(path), &LoadOptions::default());
    assert!(load("/site/policy.sg").is_ok());
    assert_eq!(load("/bad.sg").unwrap_err().to_string(), "cannot read `/bad.sg`: not UTF-8 text (byte 1)");
    assert_eq!(load("/none.sg").unwrap_err().why, ReadError::Missing);
    assert_eq!(load("/site").unwrap_err().why, ReadError::NotAFile);
    let options = LoadOptions { include_dirs: vec!["/none".into()], ..LoadOptions::default() };
    let error = load_from(&memory, Path::new("/site/policy.sg"), &options).unwrap_err();
    assert_eq!(error.path, "/none");
}

/// A file system that lists a file and does not let it be read.
struct Locked(Memory);

impl super::FileSystem for Locked {
    fn canonical(&self, path: &Path) -> Result<std::path::PathBuf, ReadError> {
        self.0.canonical(path)
    }

    fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
        if path.ends_with("locked.sg") {
            return Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied).into());
        }
        self.0.read(path, most)
    }
}

#[test]
fn a_file_may_be_locked() {
    let files = Locked(memory(&[("/policy.sg", "include \"locked.sg\"\n"), ("/locked.sg", "")]));
    let loaded = load_from(&files, Path::new("/policy.sg"), &LoadOptions::default()).unwrap();
    assert_eq!(codes(&loaded), ["include-unreadable"]);
    assert_eq!(loaded.diagnostics[0].labels[0].text, "permission denied");
}

#[test]
fn a_single_text_includes_nothing() {
    let loaded = load_text("stdin", "include \"a.sg\"\nnetwork prod = vpc\n");
    assert_eq!(codes(&loaded), ["include-missing"]);
    assert_eq!(paths(&loaded), ["stdin"]);
}

#[test]
fn a_long_chain_of_includes_fits_the_stack() {
    let count = 5000;
    let mut memory = Memory::new().with("/policy.sg", "include \"0.sg\"\n");
    for nth in 0..count {
        memory = memory.with(format!("/{nth}.sg"), format!("include \"{}.sg\"\n", (nth + 1) % count));
    }
    let loaded = load_from(&memory, Path::new("/policy.sg"), &LoadOptions::default()).unwrap();
    assert_eq!(codes(&loaded), ["include-cycle"]);
    assert_eq!(loaded.files.len(), count + 1);
}
