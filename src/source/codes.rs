//! Every code that loading can report, each with one line on what it means.

macro_rules! codes {
    ($($name:ident = $kebab:literal, $meaning:literal;)*) => {
        $(pub(super) const $name: &str = concat!("palisade::source::", $kebab);)*

        /// All codes of this phase, each with a one-line explanation.
        pub const CODES: &[(&str, &str)] = &[$(($name, $meaning)),*];
    };
}

codes! {
    INCLUDE_CYCLE = "include-cycle", "files that include each other";
    INCLUDE_OUTSIDE = "include-outside", "an include of a file outside the policy's folder";
    INCLUDE_ABSOLUTE = "include-absolute", "an include with an absolute path";
    INCLUDE_MISSING = "include-missing", "an include of a file that does not exist";
    INCLUDE_NOT_A_FILE = "include-not-a-file", "an include of a folder or a device";
    INCLUDE_UNREADABLE = "include-unreadable", "an include of a file that cannot be read";
    INCLUDE_NOT_UTF8 = "include-not-utf8", "an include of a file that is not UTF-8 text";
    INCLUDE_TOO_LARGE = "include-too-large", "an include of a file too large to be a policy";
}
