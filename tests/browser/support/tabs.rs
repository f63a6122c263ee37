//! Tabs, and the way through a tab's history.

use fantoccini::wd::WindowHandle;

use super::Browser;

impl Browser {
    /// The tab that is looked at.
    pub(crate) async fn tab(&self) -> WindowHandle {
        self.client().window().await.unwrap()
    }

    /// Opens another one, without looking at it.
    pub(crate) async fn new_tab(&self) -> WindowHandle {
        self.client().new_window(true).await.unwrap().handle
    }

    pub(crate) async fn switch_to(&self, tab: &WindowHandle) {
        self.client().switch_to_window(tab.clone()).await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.client().refresh().await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.client().back().await.unwrap();
    }

    pub(crate) async fn forward(&self) {
        self.client().forward().await.unwrap();
    }
}
