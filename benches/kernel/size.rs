//! How much a file holds: rules, and elements of sets and maps.

use palisade_ir::Family;

use crate::engine::Files;

/// Rules and elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub rules: usize,
    pub elements: usize,
}

impl Size {
    /// Counts a line of a chain: a rule with the elements of its anonymous sets, or none.
    fn count(&mut self, line: &str) {
        if !line.is_empty() && !line.starts_with("type ") && !line.starts_with('#') {
            self.rules += 1;
            let inner = line.split('{').skip(1).filter_map(|part| part.split('}').next());
            self.elements += inner.map(|part| part.split(',').count()).sum::<usize>();
        }
    }
}

/// Counts one family's side of iptables, and all of an nft file; the other family's rules of iptables are left out, as
/// in naive files.
pub fn of(files: &Files, family: Family) -> Size {
    let Files { nft, v4, v6, ipset } = files;
    let own = if family == Family::V4 { v4 } else { v6 };
    let mut size = nft_size(nft);
    size.rules += own.lines().filter(|line| line.starts_with("-A ")).count();
    size.elements += ipset.lines().filter(|line| line.starts_with("add ")).count();
    size
}

fn nft_size(text: &str) -> Size {
    let mut size = Size::default();
    let mut in_chain = false;
    let mut in_elements = false;
    for line in text.lines().map(str::trim) {
        match line {
            _ if in_elements => {
                size.elements +=
                    line.split(',').filter(|part| part.chars().any(char::is_alphanumeric)).count();
                in_elements = !line.contains('}');
            }
            "}" => in_chain = false,
            _ if line.starts_with("elements = {") => {
                let rest = line.trim_start_matches("elements = {");
                size.elements +=
                    rest.split(',').filter(|part| part.chars().any(char::is_alphanumeric)).count();
                in_elements = !rest.contains('}');
            }
            // A chain of one rule stands on one line; an empty one is only declared.
            _ if line.starts_with("chain ") && line.ends_with('}') => {
                let body = line.split_once('{').map_or("", |(_, body)| body.trim_end_matches('}').trim());
                size.count(body);
            }
            _ if line.starts_with("chain ") => in_chain = true,
            _ if in_chain => size.count(line),
            _ => {}
        }
    }
    size
}
