//! What somebody may do in Smartsheet, in words.

use super::fields::{Fields, flag};

/// The flags of a profile that are roles, with what people call them.
const ROLES: [(&str, &str); 7] = [
    ("admin", "System administrator"),
    ("licensedSheetCreator", "Licensed creator of sheets"),
    ("groupAdmin", "Group administrator"),
    ("resourceViewer", "Resource viewer"),
    ("jiraAdmin", "Jira connector administrator"),
    ("salesforceAdmin", "Salesforce connector administrator"),
    ("salesforceUser", "Salesforce connector user"),
];

/// The roles that Smartsheet says something about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Roles {
    /// Those that the person has.
    pub(super) has: Vec<&'static str>,
    /// Those that the person does not have.
    pub(super) lacks: Vec<&'static str>,
}

impl Roles {
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        let those = |wanted| {
            ROLES
                .iter()
                .filter(|(name, _)| fields.get(*name).and_then(|raw| flag(raw)) == Some(wanted))
                .map(|(_, words)| *words)
                .collect()
        };
        Self {
            has: those(true),
            lacks: those(false),
        }
    }
}

/// Whether the field `name` is told by [`Roles`]. A role that is neither true nor false is not.
pub(super) fn tells(name: &str, fields: &Fields<'_>) -> bool {
    ROLES.iter().any(|(role, _)| *role == name)
        && fields
            .get(name)
            .is_some_and(|raw| flag(raw).is_some() || raw.get() == "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_words() {
        let raw = r#"{"admin": true, "groupAdmin": false, "jiraAdmin": "yes", "salesforceUser": true, "wizard": true}"#;
        let fields: Fields<'_> = serde_json::from_str(raw).unwrap();
        let roles = Roles::of(&fields);
        assert_eq!(
            roles.has,
            ["System administrator", "Salesforce connector user"]
        );
        assert_eq!(roles.lacks, ["Group administrator"]);
        assert!(tells("admin", &fields) && tells("groupAdmin", &fields));
        assert!(!tells("jiraAdmin", &fields) && !tells("wizard", &fields));
    }
}
