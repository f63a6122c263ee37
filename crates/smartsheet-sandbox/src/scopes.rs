//! The scopes of Smartsheet's API and what each allows, in words for the person who is asked.

use std::fmt;

macro_rules! scopes {
    ($($variant:ident $name:literal $allows:literal)*) => {
        /// One permission that an app can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Scope { $(#[doc = $allows] $variant),* }

        impl Scope {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the protocol.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it allows, as the end of "the app wants to …".
            pub(super) const fn allows(self) -> &'static str {
                match self { $(Self::$variant => $allows),* }
            }
        }
    };
}

scopes! {
    AdminSheets "ADMIN_SHEETS" "Change the structure of your sheets: columns, settings and publishing"
    AdminSights "ADMIN_SIGHTS" "Change the settings and publishing of your dashboards"
    AdminUsers "ADMIN_USERS" "Add, change and remove the users and groups of your organization"
    AdminWebhooks "ADMIN_WEBHOOKS" "Create, change and delete webhooks that report changes to the app"
    AdminWorkspaces "ADMIN_WORKSPACES" "Create, change, share and delete workspaces and folders"
    CreateSheets "CREATE_SHEETS" "Create new sheets"
    CreateSights "CREATE_SIGHTS" "Create new dashboards"
    DeleteSheets "DELETE_SHEETS" "Delete your sheets"
    DeleteSights "DELETE_SIGHTS" "Delete your dashboards"
    ReadContacts "READ_CONTACTS" "See your personal contacts"
    ReadEvents "READ_EVENTS" "See the events of your organization, such as who opened or shared what"
    ReadSheets "READ_SHEETS" "See your sheets with their rows, comments and attachments"
    ReadSights "READ_SIGHTS" "See your dashboards"
    ReadUsers "READ_USERS" "See the users and groups of your organization"
    ShareSheets "SHARE_SHEETS" "Share your sheets with other people"
    ShareSights "SHARE_SIGHTS" "Share your dashboards with other people"
    WriteSheets "WRITE_SHEETS" "Change your sheets: rows, cells, comments and attachments"
}

/// A set of scopes; the empty one is allowed and only lets an app learn who its user is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ScopeSet(u32);

/// The request named a scope that Smartsheet does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownScope;

impl ScopeSet {
    /// Reads a list separated by spaces (RFC 6749 section 3.3) or by commas (the 1.1 API, the Java SDK), or by both.
    pub(super) fn parse(list: &str) -> Result<Self, UnknownScope> {
        list.split([' ', ','])
            .filter(|name| !name.is_empty())
            .try_fold(Self::default(), |set, name| {
                let scope = Scope::ALL
                    .iter()
                    .find(|scope| scope.name() == name)
                    .ok_or(UnknownScope)?;
                Ok(Self(set.0 | 1 << *scope as u32))
            })
    }

    /// Whether the scope was granted.
    pub(super) fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u32) != 0
    }

    /// The scopes in it, in alphabetical order.
    pub(super) fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .iter()
            .copied()
            .filter(move |scope| self.contains(*scope))
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The protocol's form: names separated by spaces.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{}", scope.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_commas_repetitions_and_nothing() {
        for list in [
            "READ_SHEETS WRITE_SHEETS",
            "READ_SHEETS,WRITE_SHEETS",
            " WRITE_SHEETS, READ_SHEETS,READ_SHEETS ",
        ] {
            let set = ScopeSet::parse(list).unwrap();
            assert_eq!(set.to_string(), "READ_SHEETS WRITE_SHEETS");
            assert!(set.contains(Scope::ReadSheets) && !set.contains(Scope::AdminUsers));
        }
        assert_eq!(ScopeSet::parse("").unwrap().to_string(), "");
        assert_eq!(ScopeSet::parse("read_sheets").err(), Some(UnknownScope));
        assert_eq!(Scope::ALL.len(), 17);
    }
}
