//! One lab for all tests that run at the same time, and attacks on what is started in it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use drawbridge::lab::{Home, Lab, Pillar};
use drawbridge_attack::{Options, Report, Target, attack};
use tokio::sync::Mutex;

/// A lab, and its folder, which goes with the last test that uses it.
pub struct Shared {
    pub lab: Arc<Lab>,
    _folder: tempfile::TempDir,
}

static SHARED: Mutex<Weak<Shared>> = Mutex::const_new(Weak::new());

pub async fn lab() -> Arc<Shared> {
    let mut shared = SHARED.lock().await;
    if let Some(lab) = shared.upgrade() {
        return lab;
    }
    let lab = Arc::new(own_lab().await);
    *shared = Arc::downgrade(&lab);
    lab
}

/// For a test that spoils it.
pub async fn own_lab() -> Shared {
    let folder = tempfile::Builder::new().prefix("drawbridge-lab-").tempdir().unwrap();
    let home = Home::at(&folder.path().join("lab"), &BTreeMap::new()).unwrap();
    let superuser = tokio::task::spawn_blocking(superuser).await.unwrap().parse().unwrap();
    Shared { lab: Arc::new(Lab::on(home, superuser).await.unwrap()), _folder: folder }
}

/// Of the server of this run: `TEST_DATABASE_URL`, or one made from the programs on this machine.
fn superuser() -> String {
    #[expect(clippy::disallowed_methods, reason = "not a setting of the service")]
    let given = std::env::var("TEST_DATABASE_URL");
    given.unwrap_or_else(|_| {
        dev_postgres::throwaway("drawbridge-lab-test", |_| Ok(())).unwrap_or_else(|why| panic!("{why}"))
    })
}

impl Shared {
    /// The service without these pillars, attacked by these cases, or by all.
    pub async fn attack(&self, without: &[&'static Pillar], cases: Option<&[&str]>) -> Report {
        let running = self.lab.start(without).await.unwrap();
        let options = Options {
            url: running.url(),
            credentials: Some(self.lab.home.credentials_file()),
            keys_dir: Some(self.lab.home.folder.join("keys")),
            ..Options::default()
        };
        let target = Target::survey(&options).await.unwrap();
        let report = attack(&target, cases, &mut |_| ()).await;
        self.lab.end(running).await.unwrap();
        report
    }
}
