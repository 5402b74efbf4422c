//! `palisade lints`, and the levels that a command runs with: `palisade.toml` beside the policy, then arguments.

use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::args::LevelArgs;
use super::{Exit, Failure, output};
use crate::lint::{LINTS, Level, Levels, UnknownLint};

/// Lies beside the policy.
const CONFIG: &str = "palisade.toml";

pub(super) fn run() -> Result<Exit, Failure> {
    let width = LINTS.iter().map(|lint| lint.name().len()).max().unwrap_or_default();
    let lines = LINTS
        .iter()
        .map(|lint| format!("{:<width$}  {:<5}  {}\n", lint.name(), lint.level.to_string(), lint.summary));
    output::print(lines.collect::<String>().as_bytes())?;
    Ok(Exit::Fine)
}

/// The levels for a policy. Arguments win over the file; of several arguments about one lint the strictest wins.
pub(super) fn levels(policy: &Path, args: &LevelArgs) -> Result<Levels, Failure> {
    let path = policy.with_file_name(CONFIG);
    let mut levels = match std::fs::read_to_string(&path) {
        Ok(text) => from_toml(&text)
            .map_err(|Wrong { what, help }| Failure::Usage(format!("{}: {what}", path.display()), help))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Levels::default(),
        Err(error) => return Err(Failure::io(&format!("cannot read `{}`", path.display()), &error)),
    };
    let LevelArgs { allow, warn, deny } = args;
    for (names, level) in [(allow, Level::Allow), (warn, Level::Warn), (deny, Level::Deny)] {
        for name in names {
            levels
                .set(name, level)
                .map_err(Wrong::from)
                .map_err(|wrong| Failure::Usage(wrong.what, wrong.help))?;
        }
    }
    Ok(levels)
}

/// What is wrong with a configuration, and the remedy.
#[derive(Debug)]
struct Wrong {
    what: String,
    help: Option<String>,
}

impl Wrong {
    fn new(what: String, help: impl Into<String>) -> Self {
        Self { what, help: Some(help.into()) }
    }
}

impl From<UnknownLint> for Wrong {
    fn from(unknown: UnknownLint) -> Self {
        let help = match unknown.nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`palisade lints` lists them".to_owned(),
        };
        Self::new(unknown.to_string(), help)
    }
}

/// `[lints]` with a level per name, and nothing else.
fn from_toml(text: &str) -> Result<Levels, Wrong> {
    let config: Table = toml::from_str(text)
        .map_err(|error| Wrong { what: error.to_string().trim_end().to_owned(), help: None })?;
    let mut levels = Levels::default();
    for (key, value) in &config {
        let ("lints", Value::Table(lints)) = (key.as_str(), value) else {
            return Err(Wrong::new(format!("unknown key `{key}`"), "the only table is `[lints]`"));
        };
        for (name, level) in lints {
            let level = level
                .as_str()
                .ok_or_else(|| format!("the level of `{name}` is no string"))
                .and_then(str::parse)
                .map_err(|what| {
                    Wrong::new(what, format!("write {name} = \"allow\", \"warn\" or \"deny\""))
                })?;
            levels.set(name, level)?;
        }
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_levels() {
        let levels =
            from_toml("[lints]\nshadowed = \"deny\"\n\"palisade::lint::redundant\" = \"allow\"\n").unwrap();
        let of = |name: &str| levels.of(LINTS.iter().find(|lint| lint.name() == name).unwrap());
        assert_eq!((of("shadowed"), of("redundant"), of("tied")), (Level::Deny, Level::Allow, Level::Warn));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, what, help) in [
            ("[lints]\nshadwed = \"deny\"", "there is no lint `shadwed`", "did you mean `shadowed`?"),
            ("[lints]\nshadowed = \"loud\"", "`loud` is no level", "write shadowed ="),
            ("[lints]\nshadowed = 1", "is no string", "write shadowed ="),
            ("[lint]\nshadowed = \"deny\"", "unknown key `lint`", "`[lints]`"),
            ("lints = \"deny\"", "unknown key `lints`", "`[lints]`"),
        ] {
            let wrong = from_toml(text).unwrap_err();
            assert!(wrong.what.contains(what), "{text}: {}", wrong.what);
            assert!(wrong.help.as_deref().unwrap_or_default().contains(help), "{text}: {:?}", wrong.help);
        }
        assert!(from_toml("[lints").is_err());
    }
}
