//! The recipes of the README: their blocks are taken from there and run, with other addresses and paths and nothing else.

mod certificates;
mod jobs;
mod limits;
mod site;
mod storage;
mod tokens;
mod users;

use self::site::Site;
use crate::readme::from_readme;

#[test]
fn the_readme_holds_each_block_of_each_recipe() {
    for what in [
        tokens::ADD,
        tokens::ROTATE,
        tokens::REVOKED,
        tokens::RELOAD,
        users::FILE,
        jobs::GITHUB_RULE,
        jobs::GITHUB_WORKFLOW,
        jobs::KUBERNETES_RULE,
        jobs::KUBERNETES_JOB,
        certificates::EDGE,
        certificates::DEV,
        certificates::PUSH,
        certificates::EXPLAIN,
        certificates::LIST,
        certificates::SERIAL,
        certificates::SPIFFE,
        certificates::ID,
        limits::RETRY,
        limits::ASK,
        limits::MORE,
        limits::CEILING,
        limits::LESS,
        limits::SMALL,
        limits::RULES,
        storage::BACKUP,
        storage::RESTORE,
        storage::SOCKET,
        storage::SERVICE,
    ] {
        assert!(from_readme(what).len() > what.len(), "{what}");
    }
}
