//! A settled world is read once: a run over many sources asks for each page of the listing one time.

use aurora_clone_tests::crowd;

const CLUSTERS: usize = 350;

#[tokio::test(start_paused = true)]
async fn a_run_reads_each_page_once_whatever_number_of_sources_there_is() {
    let pools = crowd::open(CLUSTERS);
    assert_eq!(pools.look(|world| world.rds.clusters().count()), CLUSTERS);
    // The first run has rules to publish, and looks again under each lease.
    pools.night().await;
    for sweep in [false, true] {
        let since = pools.calls();
        if sweep {
            pools.sweep().await
        } else {
            pools.night().await
        }
        let pages = pools.look(|world| crowd::pages(world, since));
        assert!(crowd::each_once(&pages, CLUSTERS.div_ceil(100)), "{pages:?}");
        assert_eq!(pools.changes_since(since), Vec::<String>::new());
    }
}
