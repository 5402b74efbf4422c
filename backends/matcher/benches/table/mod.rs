//! Figures of both sides and the tables that show them.

/// Nanoseconds per packet of many passes.
pub(crate) struct Figures {
    /// Ascending.
    all: Vec<f64>,
}

impl Figures {
    pub(crate) fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        Self { all }
    }

    fn median(&self) -> Option<f64> {
        self.all.get(self.all.len() / 2).copied()
    }

    /// Median, fastest, and between the quartiles the spread in percent of the median.
    pub(crate) fn show(&self) -> String {
        let Some(median) = self.median() else { return "-".to_owned() };
        let (low, high) = (self.all[self.all.len() / 4], self.all[self.all.len() * 3 / 4]);
        let spread = (high - low) / 2.0 / median * 100.0;
        format!("{} ({}) ±{spread:.0}%", short(median), short(self.all[0]))
    }

    /// How much more is done in the same time where others take so long for `parts` times as much.
    pub(crate) fn times(&self, others: &Self, parts: f64) -> String {
        let ratio = self.median().zip(others.median()).map(|(one, others)| parts * one / others);
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
    }

    fn ratio(&self, ours: &Self) -> String {
        let ratio = self.median().zip(ours.median()).map(|(theirs, ours)| theirs / ours);
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1}"))
    }
}

/// One trace of one set.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) one: Figures,
    pub(crate) burst: Figures,
    pub(crate) rule: Figures,
    pub(crate) their_one: Figures,
    pub(crate) their_burst: Figures,
}

/// One set.
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) layout: String,
    pub(crate) bytes: usize,
    /// Milliseconds.
    pub(crate) build: f64,
    /// The compiled form: its bytes, and milliseconds to load it.
    pub(crate) file: (usize, f64),
    /// Bytes and milliseconds.
    pub(crate) theirs: Option<(usize, f64)>,
}

pub(crate) fn print(rows: &[Row], summaries: &[Summary]) {
    println!(
        "| set.trace | one by one | rte_acl | ratio | bursts | rte_acl | ratio | with the rule | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for Row { name, one, burst, rule, their_one, their_burst } in rows {
        let cells = [
            name.clone(),
            one.show(),
            their_one.show(),
            their_one.ratio(one),
            burst.show(),
            their_burst.show(),
            their_burst.ratio(burst),
            rule.show(),
            their_one.ratio(rule),
        ];
        println!("| {} |", cells.join(" | "));
    }
    println!();
    println!("| set | layout | kB | rte_acl | ratio | build, ms | rte_acl | ratio | file, kB | load, ms |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for Summary { name, layout, bytes, build, file, theirs } in summaries {
        let ours = *bytes as f64 / 1e3;
        let theirs = theirs.map(|(bytes, build)| (bytes as f64 / 1e3, build));
        let cell = |figure: Option<f64>| figure.map_or("-".to_owned(), short);
        let cells = [
            name.clone(),
            layout.clone(),
            short(ours),
            cell(theirs.map(|theirs| theirs.0)),
            cell(theirs.map(|theirs| theirs.0 / ours)),
            short(*build),
            cell(theirs.map(|theirs| theirs.1)),
            cell(theirs.map(|theirs| theirs.1 / build)),
            short(file.0 as f64 / 1e3),
            short(file.1),
        ];
        println!("| {} |", cells.join(" | "));
    }
}

fn short(figure: f64) -> String {
    if figure < 20.0 { format!("{figure:.1}") } else { format!("{figure:.0}") }
}
