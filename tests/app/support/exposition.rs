//! Prometheus's text format, read as strictly as `promtool check metrics` does:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::{Page, until};
use test_support::http_client;

pub(crate) type Labels = BTreeMap<String, String>;

/// What one scrape tells.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Family>,
}

/// One metric, with all its series.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    help: String,
    samples: Vec<Sample>,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    name: String,
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// The figures at `address`, which must be well written.
pub(crate) async fn scrape(address: SocketAddr) -> Exposition {
    let page = get(address, "/metrics").await;
    assert_eq!(page.status, 200, "{page:?}");
    Exposition::read(&page.body).unwrap_or_else(|problem| panic!("{problem} in {}", page.body))
}

/// The same, once it says how many sessions there are: they are counted a moment after the start.
pub(crate) async fn scrape_counted(address: SocketAddr) -> Exposition {
    until("the sessions are counted", async || {
        let figures = scrape(address).await;
        let is_counted = figures.families.contains_key("oauth_demo_sessions");
        is_counted.then_some(figures)
    })
    .await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Page {
    let request = http_client().get(format!("http://{address}{path}"));
    Page::read(request.send().await.unwrap()).await
}

impl Exposition {
    /// Reads `text`, or says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        if !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        // The family whose lines these are: they must not be mixed.
        let mut present = String::new();
        for line in text.lines() {
            let fail = |problem: &str| format!("{problem}: {line}");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').ok_or_else(|| fail("no help"))?;
                let family = Family {
                    help: help.to_owned(),
                    ..Family::default()
                };
                if all.families.insert(name.to_owned(), family).is_some() {
                    return Err(fail("a second family of this name"));
                }
                name.clone_into(&mut present);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or_else(|| fail("no type"))?;
                let family = all.families.get_mut(name).filter(|_| name == present);
                let family = family.ok_or_else(|| fail("a type without help"))?;
                if !family.kind.is_empty() || !["counter", "gauge", "histogram"].contains(&kind) {
                    return Err(fail("not a type"));
                }
                kind.clone_into(&mut family.kind);
            } else {
                let sample = Sample::read(line).ok_or_else(|| fail("not a sample"))?;
                let family = all.families.get_mut(&present);
                let family = family.ok_or_else(|| fail("a sample without family"))?;
                family.take(&present, sample).map_err(|why| fail(&why))?;
            }
        }
        for (name, family) in &all.families {
            let problem = family.check(name).err();
            problem.map_or(Ok(()), |problem| Err(format!("{name}: {problem}")))?;
        }
        Ok(all)
    }

    /// The value of the series `name` with exactly these labels; `None` when there is none.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted: Labels = labels
            .iter()
            .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
            .collect();
        let samples = self.families.values().flat_map(|family| &family.samples);
        let mut found = samples.filter(|sample| sample.name == name && sample.labels == wanted);
        found.next().map(|sample| sample.value)
    }

    /// Every series `name` that is not zero: the values of its labels in the order of their names, and its own.
    pub(crate) fn counted(&self, name: &str) -> BTreeMap<String, u64> {
        let samples = self.families.values().flat_map(|family| &family.samples);
        let samples = samples.filter(|sample| sample.name == name && sample.value != 0.0);
        samples
            .map(|sample| {
                let values: Vec<&str> = sample.labels.values().map(String::as_str).collect();
                let count = format!("{}", sample.value);
                (values.join(" "), count.parse().unwrap())
            })
            .collect()
    }

    /// The values that `label` has anywhere.
    pub(crate) fn values_of(&self, label: &str) -> BTreeSet<&str> {
        let samples = self.families.values().flat_map(|family| &family.samples);
        samples
            .filter_map(|sample| sample.labels.get(label).map(String::as_str))
            .collect()
    }
}

impl Family {
    pub(crate) fn labels(&self) -> BTreeSet<&str> {
        let labels = self.samples.iter().flat_map(|sample| sample.labels.keys());
        let labels = labels.map(String::as_str);
        labels.filter(|label| *label != "le").collect()
    }

    fn take(&mut self, name: &str, sample: Sample) -> Result<(), String> {
        let suffix = sample.name.strip_prefix(name).ok_or("of another family")?;
        let expected: &[&str] = match self.kind.as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            "counter" | "gauge" => &[""],
            _ => return Err("no type yet".to_owned()),
        };
        if !expected.contains(&suffix) {
            return Err("of another family".to_owned());
        }
        if sample.labels.contains_key("le") != (suffix == "_bucket") {
            return Err("le belongs to buckets".to_owned());
        }
        let same = |other: &Sample| other.name == sample.name && other.labels == sample.labels;
        if self.samples.iter().any(same) {
            return Err("twice".to_owned());
        }
        self.samples.push(sample);
        Ok(())
    }

    fn check(&self, name: &str) -> Result<(), String> {
        if self.help.trim().is_empty() || self.samples.is_empty() {
            return Err("no help, or no samples".to_owned());
        }
        if (self.kind == "counter") != name.ends_with("_total") {
            return Err("counters, and they alone, end with _total".to_owned());
        }
        let never_negative = self.samples.iter().all(|sample| sample.value >= 0.0);
        if !never_negative {
            return Err("a figure below zero".to_owned());
        }
        if self.kind == "histogram" {
            let labels: BTreeSet<Labels> = self.samples.iter().map(Sample::without_le).collect();
            for labels in labels {
                self.check_histogram(name, &labels)?;
            }
        }
        Ok(())
    }

    /// Buckets in ascending order, each with all that the one before has; the last is infinite and has everything.
    fn check_histogram(&self, name: &str, labels: &Labels) -> Result<(), String> {
        let of = |suffix: &str| {
            let name = format!("{name}{suffix}");
            let samples = self.samples.iter();
            let samples = samples.filter(move |sample| sample.name == name);
            samples.filter(|sample| sample.without_le() == *labels)
        };
        let mut before = (f64::NEG_INFINITY, 0.0);
        for bucket in of("_bucket") {
            let le = bucket.labels["le"].parse().map_err(|_| "le is no number")?;
            if le <= before.0 || bucket.value < before.1 {
                return Err(format!("buckets out of order: {bucket:?}"));
            }
            before = (le, bucket.value);
        }
        let (sums, counts): (Vec<_>, Vec<_>) = (of("_sum").collect(), of("_count").collect());
        if sums.len() != 1 || counts.len() != 1 {
            return Err(format!("not one sum and one count for {labels:?}"));
        }
        #[allow(clippy::float_cmp, reason = "both are the same whole number")]
        if before.0 != f64::INFINITY || before.1 != counts[0].value {
            return Err(format!("the last bucket has not everything: {labels:?}"));
        }
        Ok(())
    }
}

impl Sample {
    /// `name{label="value",…} number`, with no timestamp.
    fn read(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, labels)) => (name, labels.strip_suffix('}')?),
        };
        let mut read = Labels::new();
        let mut rest = labels;
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"")?;
            // No value of ours needs an escape; one that has a backslash would.
            let (value, after) = after.split_once('"')?;
            let is_new = read.insert(label.to_owned(), value.to_owned()).is_none();
            if !is_word(label) || value.contains('\\') || !is_new {
                return None;
            }
            rest = match after.strip_prefix(',') {
                Some("") => return None,
                Some(after) => after,
                None if after.is_empty() => "",
                None => return None,
            };
        }
        is_word(name).then_some(())?;
        Some(Self {
            name: name.to_owned(),
            labels: read,
            value: value.parse().ok()?,
        })
    }

    fn without_le(&self) -> Labels {
        let mut labels = self.labels.clone();
        labels.remove("le");
        labels
    }
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

#[test]
fn what_is_written_badly_is_not_read() {
    let good = "# HELP a_seconds A.\n# TYPE a_seconds histogram\na_seconds_bucket{x=\"1\",le=\"0.5\"} 1\n\
                a_seconds_bucket{x=\"1\",le=\"+Inf\"} 2\na_seconds_sum{x=\"1\"} 3.5\na_seconds_count{x=\"1\"} 2\n";
    let read = Exposition::read(good).unwrap();
    assert_eq!(read.value("a_seconds_count", &[("x", "1")]), Some(2.0));
    for (from, to) in [
        ("# HELP a_seconds A.\n", ""),
        ("# TYPE a_seconds histogram\n", ""),
        ("A.", " "),
        ("histogram", "histo"),
        ("le=\"0.5\"} 1", "le=\"0.5\"} 3"),
        ("le=\"0.5\"} 1", "le=\"+Inf\"} 1"),
        ("\"+Inf\"", "\"0.25\""),
        ("\"+Inf\"", "\"9\""),
        ("_count{x=\"1\"} 2", "_count{x=\"1\"} 3"),
        ("_sum{x=\"1\"} 3.5", "_sum{x=\"1\"} -3.5"),
        ("a_seconds_sum{x=\"1\"} 3.5\n", ""),
        ("_sum{x=\"1\"}", "_sum{x=1}"),
        ("_sum{x=\"1\"}", "_sum{x=\"1\",}"),
        ("_sum{x=\"1\"}", "_sum{x=\"1\",x=\"1\"}"),
        ("_sum{x=\"1\"}", "_sum{x=\"1\"} 1"),
        ("a_seconds_sum", "b_seconds_sum"),
        ("3.5", "much"),
    ] {
        assert!(good.contains(from));
        let bad = good.replacen(from, to, 1);
        assert!(Exposition::read(&bad).is_err(), "{bad}");
    }
    assert!(Exposition::read(good.trim_end()).is_err());
    assert!(Exposition::read(&format!("{good}{good}")).is_err());
}
