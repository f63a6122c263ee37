//! A person without a mouse.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde::Deserialize;

use super::Browser;

/// What has the focus.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Focus {
    /// `a`, `button`, `body` …
    pub(crate) tag: String,
    /// Its label.
    pub(crate) text: String,
    /// Where it leads, if it is a link.
    pub(crate) href: String,
    /// Whether anybody can see that it has the focus.
    pub(crate) visible: bool,
}

/// The focus of a control inside a label may be drawn around the label.
const FOCUS: &str = r"
    const element = document.activeElement;
    const drawn = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    const places = [element, element.closest('label')].filter(Boolean);
    return {
        tag: element.localName,
        text: (element.closest('label') ?? element).innerText.trim(),
        href: element.href ?? '',
        visible: places.some((place) => drawn(getComputedStyle(place))),
    };";

/// More stops than any page has.
const TOO_MANY: usize = 100;

impl Browser {
    pub(crate) async fn press(&self, key: Key) {
        let value = char::from(key);
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client().perform_actions(keys).await.unwrap();
    }

    pub(crate) async fn focus(&self) -> Focus {
        let focus = self.client().execute(FOCUS, Vec::new()).await.unwrap();
        serde_json::from_value(focus).unwrap()
    }

    /// Goes from stop to stop until `wanted`. At each the focus can be seen.
    pub(crate) async fn tab_to(&self, wanted: impl Fn(&Focus) -> bool) {
        let mut passed = Vec::new();
        while passed.len() < TOO_MANY {
            self.press(Key::Tab).await;
            let focus = self.focus().await;
            assert!(
                focus.visible || focus.tag == "body",
                "no visible focus: {focus:?}"
            );
            if wanted(&focus) {
                return;
            }
            passed.push(focus);
        }
        panic!("not reached by Tab; passed {passed:#?}");
    }
}
