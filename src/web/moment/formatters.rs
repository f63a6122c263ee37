//! Dates and times as people of a locale write them.

use std::cell::RefCell;
use std::collections::HashMap;

use icu_calendar::Gregorian;
use icu_datetime::FixedCalendarDateTimeFormatter;
use icu_datetime::fieldsets::{YMD, YMDT};
use icu_datetime::input::{Date, DateTime, Time};
use icu_datetime::options::TimePrecision;
use icu_locale_core::Locale;

/// How many words are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// The day with the month's name, and the time.
    Long,
    /// The same, shorter.
    Short,
    /// The day alone.
    Day,
}

/// Writes days, or days and times.
enum Formatter {
    DayAndTime(FixedCalendarDateTimeFormatter<Gregorian, YMDT>),
    Day(FixedCalendarDateTimeFormatter<Gregorian, YMD>),
}

impl Formatter {
    fn format(&self, at: &DateTime<Gregorian>) -> String {
        match self {
            Self::DayAndTime(formatter) => formatter.format(at).to_string(),
            Self::Day(formatter) => formatter.format(&at.date).to_string(),
        }
    }
}

/// How many formatters a thread keeps, and how many texts of each.
const KEPT_FORMATTERS: usize = 32;
const KEPT_TEXTS: usize = 128;

thread_local! {
    /// The formatters that this thread used last, the newest first, and `None` for locales that nobody knows. Making one
    /// takes longer than the rest of the page. They can't be shared by threads.
    static FORMATTERS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// A formatter, and what it is for.
struct Kept {
    locale: Locale,
    style: Style,
    /// The language that it writes, and the formatter. `None` for a locale that nobody knows.
    formatter: Option<(String, Formatter)>,
    /// What it wrote of some minutes. Whose they were is not told: a date and a time in words are all that is kept.
    texts: HashMap<Minute, String>,
}

/// A minute on a clock on the wall.
type Minute = (jiff::civil::Date, i8, i8);

impl Kept {
    fn new(locale: &Locale, style: Style) -> Self {
        let formatter = formatter(locale, style);
        Self {
            locale: locale.clone(),
            style,
            formatter: formatter.map(|formatter| (locale.id.to_string(), formatter)),
            texts: HashMap::new(),
        }
    }

    /// What `at` comes to, with the language that it is in.
    fn write(&mut self, at: jiff::civil::DateTime) -> Option<(String, String)> {
        let (language, formatter) = self.formatter.as_ref()?;
        let minute = (at.date(), at.hour(), at.minute());
        let text = if let Some(text) = self.texts.get(&minute) {
            text.clone()
        } else {
            let text = formatter.format(&on_the_clock(at)?);
            if self.texts.len() >= KEPT_TEXTS {
                self.texts.clear();
            }
            self.texts.insert(minute, text.clone());
            text
        };
        Some((text, language.clone()))
    }
}

/// What it comes to as `locale` writes it, with the language that it is in. `None` when nobody knows how.
pub(super) fn write(
    at: jiff::civil::DateTime,
    locale: &Locale,
    style: Style,
) -> Option<(String, String)> {
    FORMATTERS.with_borrow_mut(|kept| {
        let is_it = |kept: &Kept| kept.style == style && kept.locale == *locale;
        if let Some(index) = kept.iter().position(is_it) {
            kept[..=index].rotate_right(1);
        } else {
            kept.truncate(KEPT_FORMATTERS - 1);
            kept.insert(0, Kept::new(locale, style));
        }
        kept.first_mut()?.write(at)
    })
}

fn formatter(locale: &Locale, style: Style) -> Option<Formatter> {
    let with_time = |fields: YMDT| {
        let fields = fields.with_time_precision(TimePrecision::Minute);
        move |locale: &Locale| {
            let made = FixedCalendarDateTimeFormatter::try_new(locale.into(), fields);
            made.ok().map(Formatter::DayAndTime)
        }
    };
    let made = |locale: &Locale| match style {
        Style::Long => with_time(YMDT::long())(locale),
        Style::Short => with_time(YMDT::medium())(locale),
        Style::Day => {
            let made = FixedCalendarDateTimeFormatter::try_new(locale.into(), YMD::medium());
            made.ok().map(Formatter::Day)
        }
    };
    // The tables have an entry for a locale that they don't know, too: one that nobody would read.
    let sample = on_the_clock(jiff::civil::date(2026, 3, 2).at(8, 15, 0, 0))?;
    let words = |formatter: &Formatter| formatter.format(&sample);
    let nobodys = made(&Locale::UNKNOWN).as_ref().map(words);
    made(locale).filter(|formatter| Some(words(formatter)) != nobodys)
}

/// The day and the minute, as the formatters take them.
fn on_the_clock(local: jiff::civil::DateTime) -> Option<DateTime<Gregorian>> {
    let month = u8::try_from(local.month()).ok()?;
    let day = u8::try_from(local.day()).ok()?;
    let hour = u8::try_from(local.hour()).ok()?;
    let minute = u8::try_from(local.minute()).ok()?;
    Some(DateTime {
        date: Date::try_new_gregorian(local.year().into(), month, day).ok()?,
        time: Time::try_new(hour, minute, 0, 0).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_changes_nothing() {
        let start = jiff::civil::date(2026, 3, 2).at(0, 0, 0, 0);
        let written = |number: i64| {
            let at = start + jiff::SignedDuration::from_mins(number);
            let locales = ["en-US", "de-DE", "ar-EG", "zz-ZZ"].map(|name| name.parse().unwrap());
            locales.map(|locale| {
                [Style::Long, Style::Short, Style::Day].map(|style| write(at, &locale, style))
            })
        };
        let first: Vec<_> = (0..300).map(written).collect();
        assert_ne!(first[0], first[1]);
        assert_ne!(
            first[0][0][0], first[0][0][2],
            "a day is another text than a minute of it"
        );
        assert_eq!(first[0][3], [None, None, None]);
        for number in (0..300_i64).rev() {
            assert_eq!(written(number), first[usize::try_from(number).unwrap()]);
        }
        FORMATTERS.with_borrow(|kept| {
            assert!(kept.len() <= KEPT_FORMATTERS);
            assert!(kept.iter().all(|kept| kept.texts.len() <= KEPT_TEXTS));
        });
    }
}
