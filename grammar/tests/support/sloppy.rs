//! Writes a canonical text again the way people do: odd blanks, lists over many lines, comments wherever they may stand,
//! the other line end.

/// The careless text, and the comments that were put in, in their order.
pub(crate) fn rewrite(canonical: &str, choices: &[u8]) -> (String, Vec<String>) {
    let mut writer =
        Writer { out: String::new(), choices: choices.to_vec(), at: 0, added: Vec::new(), brackets: 0 };
    let mut rest = canonical.chars().peekable();
    let mut in_string = false;
    while let Some(character) = rest.next() {
        if in_string {
            writer.out.push(character);
            match character {
                '\\' => writer.out.extend(rest.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                writer.out.push('"');
            }
            '#' => {
                writer.out.push('#');
                while let Some(inside) = rest.next_if(|next| *next != '\n') {
                    writer.out.push(inside);
                }
            }
            _ => writer.code(character),
        }
    }
    if writer.choose(2) == 0 {
        writer.out.truncate(writer.out.trim_end_matches(['\r', '\n']).len());
    }
    (writer.out, writer.added)
}

struct Writer {
    out: String,
    choices: Vec<u8>,
    at: usize,
    added: Vec<String>,
    brackets: usize,
}

impl Writer {
    fn choose(&mut self, count: u8) -> u8 {
        self.at += 1;
        self.choices.get(self.at % self.choices.len().max(1)).map_or(0, |choice| choice % count)
    }

    fn code(&mut self, character: char) {
        match character {
            '[' => {
                self.brackets += 1;
                self.out.push('[');
                self.list_gap();
            }
            ']' => {
                self.brackets -= 1;
                self.list_gap();
                self.out.push(']');
            }
            ',' => {
                self.list_gap();
                self.out.push(',');
                self.list_gap();
            }
            '=' => {
                self.blanks();
                self.out.push('=');
                self.blanks();
            }
            ' ' if self.brackets > 0 => {
                self.out.push(' ');
                self.list_gap();
            }
            ' ' => {
                self.out.push(' ');
                self.blanks();
            }
            '\n' => self.line_end(),
            other => self.out.push(other),
        }
    }

    fn blanks(&mut self) {
        match self.choose(8) {
            0 => self.out.push('\t'),
            1 => self.out.push_str("   "),
            _ => {}
        }
    }

    fn line_end(&mut self) {
        let end = if self.choose(4) == 0 { "\r\n" } else { "\n" };
        self.blanks();
        self.out.push_str(end);
        match self.choose(8) {
            0 => self.out.push_str(end),
            1 => self.out.push_str("  \n\t\n\n"),
            2 => self.comment(),
            _ => {}
        }
    }

    /// Between the tokens of a list.
    fn list_gap(&mut self) {
        match self.choose(8) {
            0 => self.out.push_str("\n\n"),
            1 => self.comment(),
            _ => self.blanks(),
        }
    }

    fn comment(&mut self) {
        let text = format!("added {}", self.added.len());
        self.out.push_str(&format!(" # {text} \n"));
        self.added.push(text);
    }
}
