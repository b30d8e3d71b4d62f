"""Settings of a checkout that may redirect a git with the token."""

import re
import shutil
from pathlib import Path

import pytest

from hero_build.errors import HeroBuildError
from hero_build.events import Event, WarningRaised
from hero_build.settings import Secret
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.git import Git
from hero_build.source.git.paths import Checkout
from hero_build.source.git.redirects import redirecting_settings, redirects
from support import git_repos

NEVER = "touch /tmp/never"
SETTINGS = {
    "core.sshCommand": NEVER,
    "core.gitProxy": NEVER,
    "url.https://evil.example/.insteadOf": "https://forge.example/",
    "http.proxy": "http://evil.example",
    "http.https://forge.example.sslVerify": "false",
    "http.https://forge.example/o/app.curloptResolve": "forge.example:443:127.0.0.1",
    "remote.origin.uploadpack": NEVER,
    "protocol.ext.allow": "always",
    "filter.odd.smudge": NEVER,
    "filter.odd.clean": NEVER,
    "filter.lfs.process": NEVER,
    "submodule.part.update": f"!{NEVER}",
    "hook.odd.command": NEVER,
    "lfs.customtransfer.odd.path": NEVER,
    "lfs.extension.odd.smudge": NEVER,
    "lfs.https://forge.example.standaloneTransferAgent": "odd",
}
KINDS = ("core", "http", "remote", "url", "credential", "protocol", "submodule", "filter", "hook", "ssh")
"""The sections of git-config(1) that a call with the token reads and that can name a program or an address."""
PINNED = """
core.fsmonitor core.hooksPath credential.helper credential.<url>.* http.lowSpeedLimit http.lowSpeedTime
"""
"""Set by hero-build itself for each call with the token."""
HARMLESS = """
core.abbrev core.alternateRefsPrefixes core.attributesFile core.autocrlf core.bare core.bigFileThreshold core.checkStat
core.checkRoundtripEncoding core.commentChar core.commentString core.commitGraph core.compression core.createObject
core.configLockTimeout core.deltaBaseCacheLimit core.editor core.eol core.excludesFile core.fileMode core.fsync
core.filesRefLockTimeout core.fsmonitorHookVersion core.fsyncMethod core.fsyncObjectFiles core.hideDotFiles
core.ignoreCase core.ignoreStat core.lockfilePid core.logAllRefUpdates core.looseCompression core.maxTreeDepth
core.multiPackIndex core.notesRef core.packedGitLimit core.packedGitWindowSize core.packedRefsTimeout core.pager
core.precomposeUnicode core.preferSymlinkRefs core.preloadIndex core.protectHFS core.protectNTFS core.quotePath
core.repositoryFormatVersion core.restrictinheritedhandles core.safecrlf core.sharedRepository core.sparseCheckout
core.sparseCheckoutCone core.splitIndex core.symlinks core.trustctime core.unsetenvvars core.untrackedCache
core.useReplaceRefs core.warnAmbiguousRefs core.whitespace core.worktree
credential.interactive credential.protectProtocol credential.sanitizePrompt credential.useHttpPath credential.username
hook.<event>.enabled hook.<event>.jobs hook.<friendly-name>.enabled hook.<friendly-name>.event
hook.<friendly-name>.parallel hook.jobs
http.<url>.* http.cookieFile http.delegation http.emptyAuth http.extraHeader http.keepAliveCount http.keepAliveIdle
http.keepAliveInterval http.maxRequests http.maxRetries http.maxRetryTime http.minSessions http.noEPSV
http.pinnedPubkey http.postBuffer http.proactiveAuth http.proxyAuthMethod http.retryAfter http.saveCookies http.sslCert
http.sslCertPasswordProtected http.sslCertType http.sslKey http.sslKeyType http.userAgent http.version
protocol.version
remote.<name>.advertisedAs remote.<name>.fetch remote.<name>.followRemoteHEAD remote.<name>.mirror
remote.<name>.negotiationInclude remote.<name>.negotiationRestrict remote.<name>.partialclonefilter
remote.<name>.promisor remote.<name>.proxyAuthMethod remote.<name>.prune remote.<name>.pruneTags remote.<name>.push
remote.<name>.pushurl remote.<name>.receivepack remote.<name>.serverOption remote.<name>.skipDefaultUpdate
remote.<name>.skipFetchAll remote.<name>.tagOpt remote.<name>.url remote.pushDefault
ssh.variant
submodule.<name>.active submodule.<name>.branch submodule.<name>.fetchRecurseSubmodules submodule.<name>.gitdir
submodule.<name>.ignore submodule.<name>.url submodule.active submodule.alternateErrorStrategy
submodule.alternateLocation submodule.fetchJobs submodule.propagateBranches submodule.recurse
"""
"""The token is asked for by the forge's own origin only, so that another address of a remote gets none."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return git_repos.repository(tmp_path / "app", {"notes.txt": "one"})


def test_a_plain_checkout_has_none(tree: Path) -> None:
    git_repos.git(tree, "config", "filter.lfs.smudge", "git-lfs smudge -- %f")
    git_repos.git(tree, "config", "core.fsmonitor", "true")
    git_repos.git(tree, "config", "submodule.part.update", "none")
    git_repos.git(tree, "config", "http.sslVerify", "true")
    assert redirecting_settings(tree) == ()


@pytest.mark.parametrize("name", SETTINGS)
def test_the_token_is_withheld_and_a_warning_names_the_setting(name: str, tree: Path, tmp_path: Path) -> None:
    included = tmp_path / "more"
    git_repos.git(tree, "config", "--file", str(included), name, SETTINGS[name])
    git_repos.git(tree, "config", "include.path", str(included))
    (setting,) = redirecting_settings(tree)
    assert setting.lower() == name.lower()
    events: list[Event] = []
    access = GitAccess("https://forge.example", token=Secret("s3cret"))
    git = Git(
        Checkout(tree, "o/app", "https://forge.example/o/app.git"), folder=tree, access=access, emit=events.append
    )
    with pytest.raises(HeroBuildError):
        git.remote("ls-remote", str(tmp_path / "nothing"))
    assert [setting in event.text for event in events if isinstance(event, WarningRaised)] == [True]


def test_every_setting_that_git_knows_is_sorted() -> None:
    """A newer git may know more: each is either reported, pinned, or harmless, and why is said above."""
    sorted_out = {*PINNED.split(), *HARMLESS.split()}
    known = [name for name in git_repos.git(Path.cwd(), "help", "--config").split() if name.partition(".")[0] in KINDS]
    reported = {name for name in known if redirects(re.sub(r"<[^>]*>|\*", "x", name), "odd")}
    assert len(known) > 100
    assert [name for name in known if name not in sorted_out and name not in reported] == []
    assert sorted(sorted_out & reported) == []


def with_submodule(tree: Path, tmp_path: Path) -> Path:
    """The repository of a submodule that is checked out in the tree as `part`."""
    part = git_repos.repository(tmp_path / "part", {"part.txt": "one"})
    git_repos.git(tree, "submodule", "--quiet", "add", str(part), "part")
    return tree / ".git" / "modules" / "part"


def redirect(repository: Path) -> None:
    git_repos.git(repository.parent, "config", "--file", str(repository / "config"), "core.sshCommand", NEVER)


@pytest.mark.parametrize("state", ["checked out", "its folder is gone"])
def test_the_configuration_of_a_submodule_counts(state: str, tree: Path, tmp_path: Path) -> None:
    redirect(with_submodule(tree, tmp_path))
    if state != "checked out":
        shutil.rmtree(tree / "part")
    assert [name.lower() for name in redirecting_settings(tree)] == ["core.sshcommand"]


def test_a_submodule_with_its_repository_in_its_folder_counts(tree: Path, tmp_path: Path) -> None:
    repository = with_submodule(tree, tmp_path)
    (tree / "part" / ".git").unlink()
    repository.rename(tree / "part" / ".git")
    git_repos.git(tree / "part", "config", "--file", ".git/config", "--unset", "core.worktree")
    redirect(tree / "part" / ".git")
    assert [name.lower() for name in redirecting_settings(tree)] == ["core.sshcommand"]


def test_a_linked_work_tree_has_the_configuration_of_its_repository(tree: Path, tmp_path: Path) -> None:
    git_repos.git(tree, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    redirect(tree / ".git")
    assert [name.lower() for name in redirecting_settings(tmp_path / "linked")] == ["core.sshcommand"]


@pytest.mark.parametrize("condition", ["gitdir:**/.git", "onbranch:main", "hasconfig:remote.*.url:https://**"])
def test_what_is_included_on_a_condition_counts(condition: str, tree: Path, tmp_path: Path) -> None:
    included = tmp_path / "more"
    git_repos.git(tree, "config", "remote.origin.url", "https://forge.example/o/app.git")
    git_repos.git(tree, "config", "--file", str(included), "core.sshCommand", NEVER)
    git_repos.git(tree, "config", f"includeIf.{condition}.path", str(included))
    assert [name.lower() for name in redirecting_settings(tree)] == ["core.sshcommand"]
