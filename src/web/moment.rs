//! Instants as the person who signed in reads them: in their time zone, in the manner of their locale.

mod formatters;

use icu_locale_core::Locale;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::session::Person;
use crate::smartsheet::Profile;
use formatters::{Style, write};

/// An instant in words, and exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// The day and the time, as the person's locale writes them.
    pub(super) words: String,
    /// The language of the words (BCP 47); empty when they are digits alone.
    pub(super) language: String,
    /// The zone's usual abbreviation, such as `PST`.
    pub(super) zone: String,
    /// RFC 3339, in UTC.
    pub(super) exact: String,
}

/// Where and how a person reads the time.
pub(super) struct Reader {
    zone: TimeZone,
    /// Whether the zone is not the person's, because Smartsheet names none, or one that does not exist.
    is_utc_instead: bool,
    locale: Option<Locale>,
}

impl Reader {
    /// As `timeZone` and `locale` of the profile say. Smartsheet writes locales as `en_US`.
    pub(super) fn of(profile: &Profile) -> Self {
        Self::new(profile.text("timeZone"), profile.text("locale"))
    }

    /// As the profile of `person` said.
    pub(super) fn for_person(person: Option<&Person>) -> Self {
        let person = person.map(|person| (person.time_zone.as_deref(), person.locale.as_deref()));
        let (zone, locale) = person.unwrap_or_default();
        Self::new(zone, locale)
    }

    fn new(zone: Option<&str>, locale: Option<&str>) -> Self {
        let zone = zone.and_then(|name| TimeZone::get(name).ok());
        let locale = locale.unwrap_or_default();
        Self {
            is_utc_instead: zone.is_none(),
            zone: zone.unwrap_or(TimeZone::UTC),
            locale: locale.replace('_', "-").parse().ok(),
        }
    }

    pub(super) fn is_utc_instead(&self) -> bool {
        self.is_utc_instead
    }

    pub(super) fn read(&self, instant: Timestamp) -> Moment {
        self.read_as(instant, Style::Long)
    }

    /// The same in few words, for tables.
    pub(super) fn read_briefly(&self, instant: Timestamp) -> Moment {
        self.read_as(instant, Style::Short)
    }

    /// A day, in few words, and the language that they are in.
    pub(super) fn day(&self, day: jiff::civil::Date) -> (String, String) {
        self.write(day.at(0, 0, 0, 0), Style::Day)
    }

    /// A day and a time without a zone, in few words, and the language that they are in.
    pub(super) fn day_and_time(&self, at: jiff::civil::DateTime) -> (String, String) {
        self.write(at, Style::Short)
    }

    fn write(&self, at: jiff::civil::DateTime, style: Style) -> (String, String) {
        let written = self.locale.as_ref();
        let written = written.and_then(|locale| write(at, locale, style));
        written.unwrap_or_else(|| {
            let pattern = match style {
                Style::Day => "%Y-%m-%d",
                Style::Long | Style::Short => "%Y-%m-%d %H:%M",
            };
            (at.strftime(pattern).to_string(), String::new())
        })
    }

    fn read_as(&self, instant: Timestamp, style: Style) -> Moment {
        let local = instant.to_zoned(self.zone.clone());
        let (words, language) = self.write(local.datetime(), style);
        let zone = local.strftime("%Z").to_string();
        Moment {
            words,
            language,
            // Zones without a name of their own are called by their distance.
            zone: if zone.starts_with(['+', '-']) {
                format!("UTC{zone}")
            } else {
                zone
            },
            exact: instant.to_string(),
        }
    }
}

/// How long it is from `now` to `then`, as `static/comfort.js` counts it down: "in 6 days 23 hours". `None` when it is past.
pub(super) fn countdown(now: Timestamp, then: Timestamp) -> Option<String> {
    let left = u64::try_from(then.duration_since(now).as_secs()).ok()?;
    // To the nearest of the smaller unit: a week is "7 days" a second later, too.
    let unit = match left {
        0..3600 => 1,
        3600..86_400 => 60,
        86_400.. => 3600,
    };
    let rounded = (left + unit / 2) / unit * unit;
    (left > 0).then(|| format!("in {}", span(rounded)))
}

/// So many seconds in the largest unit that they fill, and the next one: "6 days 23 hours", "5 minutes".
pub(super) fn span(seconds: u64) -> String {
    let units = [
        ("day", 86_400),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ];
    let first = units.iter().position(|(_, size)| seconds >= *size);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in units[first.unwrap_or(3)..].iter().take(2) {
        let count = rest / size;
        rest %= size;
        match count {
            0 if !parts.is_empty() => {}
            1 => parts.push(format!("1 {name}")),
            _ => parts.push(format!("{count} {name}s")),
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(locale: &str, zone: &str, instant: &str) -> Moment {
        let raw = format!(r#"{{"id":1,"email":"a","locale":"{locale}","timeZone":"{zone}"}}"#);
        let profile = Profile::parse(raw.into_bytes()).unwrap();
        Reader::of(&profile).read(instant.parse().unwrap())
    }

    #[test]
    fn as_each_locale_writes_it() {
        for (locale, zone, words, language, abbreviation) in [
            (
                "en_US",
                "US/Pacific",
                "March 2, 2026 at 12:15 AM",
                "en-US",
                "PST",
            ),
            (
                "en_GB",
                "Europe/London",
                "2 March 2026 at 08:15",
                "en-GB",
                "GMT",
            ),
            (
                "de_DE",
                "Europe/Berlin",
                "2. März 2026 um 09:15",
                "de-DE",
                "CET",
            ),
            (
                "fr_CA",
                "America/Toronto",
                "2 mars 2026 à 03 h 15",
                "fr-CA",
                "EST",
            ),
            ("ja_JP", "Asia/Tokyo", "2026年3月2日 17:15", "ja-JP", "JST"),
            (
                "ar_EG",
                "Africa/Cairo",
                "٢ مارس ٢٠٢٦ في ١٠:١٥ ص",
                "ar-EG",
                "EET",
            ),
            (
                "pt_BR",
                "America/Sao_Paulo",
                "2 de março de 2026 às 05:15",
                "pt-BR",
                "UTC-03",
            ),
        ] {
            let moment = read(locale, zone, "2026-03-02T08:15:30Z");
            let words_read = moment.words.replace(['\u{202f}', '\u{a0}'], " ");
            assert_eq!(words_read, words, "{locale}");
            assert_eq!((&*moment.language, &*moment.zone), (language, abbreviation));
            assert_eq!(moment.exact, "2026-03-02T08:15:30Z");
        }
    }

    #[test]
    fn locales_and_zones_that_do_not_exist() {
        for locale in [
            "",
            "zz_ZZ",
            "tlh",
            "C",
            "💥",
            "en_US_POSIX_AND_MORE_AND_MORE",
            "-",
        ] {
            let moment = read(locale, "Mars/Base", "2026-03-02T08:15:30Z");
            assert_eq!(moment.words, "2026-03-02 08:15", "{locale}");
            assert_eq!((&*moment.language, &*moment.zone), ("", "UTC"), "{locale}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar() {
        for instant in [Timestamp::MIN, Timestamp::MAX] {
            let moment = read("de_DE", "Asia/Tokyo", &instant.to_string());
            assert_eq!(moment.exact, instant.to_string());
            assert!(!moment.words.is_empty());
        }
    }

    #[test]
    fn counting_down() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, expected) in [
            (604_799, Some("in 7 days")),
            (604_800 - 1_801, Some("in 6 days 23 hours")),
            (86_399, Some("in 1 day")),
            (86_400, Some("in 1 day")),
            (3_661, Some("in 1 hour 1 minute")),
            (59, Some("in 59 seconds")),
            (300, Some("in 5 minutes")),
            (1, Some("in 1 second")),
            (0, None),
            (-5, None),
        ] {
            let then = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
            assert_eq!(countdown(now, then).as_deref(), expected, "{seconds}");
        }
    }
}
