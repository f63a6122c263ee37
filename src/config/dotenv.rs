//! `.env`: variables for one folder, as many tools read them. They are not put into the environment, only looked up.

use std::collections::BTreeMap;
use std::path::Path;

use super::SettingError;
use super::origin::Origin;

/// The variables of a file. Where one is set twice, the last line counts.
pub(super) type Variables = BTreeMap<String, String>;

/// Reads `file`.
///
/// The error names the line and never shows it: it may be the one with the secret.
pub(super) fn read(file: &Path) -> Result<Variables, SettingError> {
    let name = file.display().to_string();
    let fail = |problem: String| SettingError::new(&name, Origin::Default, problem);
    let bytes = std::fs::read(file).map_err(|error| fail(format!("can't be read: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| fail("can't be read: it is not UTF-8; expected lines of NAME=VALUE".into()))?;
    let text = without_mark(&text);
    // Blanks at the very end would be taken for the beginning of something.
    let whole = format!("{text}\n");
    let plain = whole
        .replace("\\$", &ESCAPED.to_string())
        .replace('$', &DOLLAR.to_string());
    let mut as_written = dotenvy::from_read_iter(plain.as_bytes());
    let mut variables = Variables::new();
    for variable in dotenvy::from_read_iter(whole.as_bytes()) {
        let written = as_written.next();
        let (name, value) = variable.map_err(|error| {
            let place = line_of(text, &error);
            fail(format!(
                "line {place} can't be read; expected NAME=VALUE, with a value of several words or with $ in it in single quotes"
            ))
        })?;
        if let Some(Ok((_, written))) = written
            && loses_a_part(&written, &value, &variables)
        {
            let place = line_with(text, &name);
            return Err(fail(format!(
                "line {place} names a variable by $ that is not set, so a part of the value would be lost; expected a value with $ in \
                 it in single quotes"
            )));
        }
        variables.insert(name, value);
    }
    Ok(variables)
}

/// What stand for `$` and for `\$` in a text that is read as it was written. Nobody writes these.
const DOLLAR: char = '\u{e000}';
const ESCAPED: char = '\u{e001}';

/// Whether a value that reads as `written` has become `value` because a variable that it names by `$` is set nowhere: not in the
/// environment, and not among the `known`, which come before it. A password with `$` in it would be cut short in silence.
fn loses_a_part(written: &str, value: &str, known: &Variables) -> bool {
    let is_unchanged = written.replace([DOLLAR, ESCAPED], "$") == value;
    let is_set = |name: &str| known.contains_key(name) || std::env::var_os(name).is_some();
    let mut named = written.split(DOLLAR).skip(1).map(|rest| {
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let end = name.find(|character: char| !character.is_alphanumeric() && character != '_');
        name.split_at(end.unwrap_or(name.len())).0
    });
    !is_unchanged && named.any(|name| name.is_empty() || !is_set(name))
}

/// The number of the last line that sets `name`.
fn line_with(text: &str, name: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let rest = line.strip_prefix(name).unwrap_or_default();
        rest.trim_start().starts_with('=')
    };
    let last = text
        .lines()
        .enumerate()
        .filter(|(_, line)| sets(line))
        .last();
    last.map_or(1, |(index, _)| index + 1)
}

/// `text` without the byte order mark that some editors begin a file with.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The number of the line that `error` is about. The reader tells its text, from the first quote that was left open, or only
/// what stands behind the equals sign.
fn line_of(text: &str, error: &dotenvy::Error) -> usize {
    let dotenvy::Error::LineParse(line, _) = error else {
        return 1;
    };
    let start = line.lines().next().unwrap_or_default().trim_end();
    let number = text.lines().position(|known| {
        let known = known.trim();
        !known.starts_with('#') && known.ends_with(start.trim_start())
    });
    number.map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &[u8]) -> Result<Variables, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_people_write() {
        let text = "\u{feff}# a comment, don't read it\r\nA=1\r\n\r\nexport B=\"two words\" # why\nC='a$b'\nD=\nA=3 \nE=last ";
        let variables = parse(text.as_bytes()).unwrap();
        let shown: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(shown, ["A=3", "B=two words", "C=a$b", "D=", "E=last"]);
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_shown() {
        for (text, line) in [
            ("A=1\nsecret\n", "line 2 "),
            ("A=1\n\n# x\nB=my secret word\n", "line 4 "),
            ("A=1\nB=\"secret\n", "line 2 "),
            ("A=1\r\n1B=secret\r\n", "line 2 "),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(
                error.contains(line) && error.contains("NAME=VALUE"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
        let error = parse(b"A=\xff\n").unwrap_err();
        assert!(error.contains("not UTF-8"), "{error}");
    }

    #[test]
    fn a_value_that_would_lose_a_part_is_refused() {
        for text in [
            "A=pa$word-x\n",
            "# A=1\nA=1\nexport A=pa$word\n",
            "A=word$\n",
            "A=${word}x\n",
            "A='x$1'$word\n",
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            let line = format!("line {} names", text.lines().count());
            assert!(error.contains(&line), "{error} of {text:?}");
            assert!(error.contains("single quotes"), "{error}");
            assert!(!error.contains("word"), "{error}");
        }
        for (text, value) in [
            ("A='pa$word-x'", "pa$word-x"),
            ("A=pa\\$word", "pa$word"),
            ("B=1\nA=x${B}y", "x1y"),
            ("A=x$PATH", &format!("x{}", std::env::var("PATH").unwrap())),
            ("A='$x'y", "$xy"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap()["A"], value, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_file_gives_variables_or_one_line(text in "[A-C=\"'#$ {}\\\\\r\n\u{feff}s]{0,30}") {
            if let Err(error) = parse(text.as_bytes()) {
                prop_assert!(!error.contains(['\r', '\n']), "{:?}", error);
            }
        }
    }
}
