"""Expected failures, as one tree. Every leaf has an exit code, a JSON-RPC code, and a hint that a person can act on.

HeroBuildError
├── UsageError                2 -32602   invalid arguments or configuration
│   ├── RecipeError               a recipe is broken, or two contradict each other
│   ├── UnsafeName                a name from outside that could leave its folder or mislead on a terminal
│   └── PublicationRefused        a published release would change, or the files cannot be a release
├── NotFound                  3 -32001
│   ├── AppNotFound               no recipe of that name
│   ├── RepoNotFound              no such repository, or none that this token may see
│   ├── ReleaseNotFound           the repository has no such release
│   ├── AssetNotFound             the release lacks the asset
│   ├── AmbiguousAsset     -32002 the release has two that match
│   ├── RefNotFound               the repository has no such branch, tag or commit
│   ├── BundleNotFound            the workspace has no such island
│   └── GenerationNotFound
├── ForgeError                4 -32003
│   ├── NetworkError              no connection, cut, stalled, too slow, 429/5xx after all retries
│   ├── AuthError                 401, 403
│   └── BadForgeResponse          the server's response cannot be understood or trusted
├── VerificationError         5 -32004
│   ├── SizeMismatch
│   ├── ChecksumMismatch
│   ├── InvalidChecksumFile       a checksum file that is malformed or ambiguous, or missing where one is required
│   ├── InvalidSignature          a lock file without a signature by a trusted key
│   ├── InvalidServiceManifest    a service.toml that is malformed, or two that contradict each other
│   ├── InvalidBinary             not an ELF file of the expected kind, machine or libc
│   ├── InvalidBundle             not a folder of WebAssembly that a browser can load, or an unsafe archive
│   └── RootDamaged               manifest or content on disk differs from what was committed
├── BuildError                6 -32005   cargo failed, or the workspace lacks what the recipe names
├── LockHeld                  7 -32006   another hero-build holds the lock
├── MachineError              8 -32007
│   ├── BuildNeeded               only a build can provide this, and none is possible here
│   ├── NotWritable               no permission, or something else stands in the way
│   ├── DiskFull
│   ├── MissingTool               a program is missing, or too old
│   ├── MissingSecret             a service needs a secret that is not in cfg/secrets
│   ├── ServiceConflict           a port or socket is held by another process, or apps exclude each other
│   ├── ToolFailed                a program is installed but does not work
│   ├── UntrustedRecipe           a recipe that another user owns or may write
│   ├── CheckoutRefused           a checkout is of another repository, or holds work that would be lost
│   ├── NoWayBack                 an older version cannot read the data of the one that is installed
│   └── Unsupported               nothing is published for this kind of machine
└── RuntimeFailed             9 -32009
    ├── RuntimeUnreachable        no supervisor answers: no socket, no listener, no response in time
    ├── BadRuntimeResponse        its response cannot be understood, or is a refusal
    └── NotHealthy         -32008 a service did not start, or does not run the installed version
"""

from pathlib import Path


class HeroBuildError(Exception):
    """An expected failure: one sentence, a next step; of a build or service also the last lines of its `log`."""

    code, rpc = 1, -32603

    def __init__(self, message: str, hint: str = "", *, tail: tuple[str, ...] = (), log: Path | None = None) -> None:
        super().__init__(message)
        self.message, self.hint, self.tail, self.log = message, hint, tail, log


class UsageError(HeroBuildError):
    code, rpc = 2, -32602


class RecipeError(UsageError): ...


class UnsafeName(UsageError): ...


class PublicationRefused(UsageError): ...


class NotFound(HeroBuildError):
    code, rpc = 3, -32001


class AppNotFound(NotFound): ...


class RepoNotFound(NotFound): ...


class ReleaseNotFound(NotFound): ...


class AssetNotFound(NotFound): ...


class AmbiguousAsset(NotFound):
    rpc = -32002


class GenerationNotFound(NotFound): ...


class RefNotFound(NotFound): ...


class BundleNotFound(NotFound): ...


class ForgeError(HeroBuildError):
    code, rpc = 4, -32003


class NetworkError(ForgeError): ...


class AuthError(ForgeError): ...


class BadForgeResponse(ForgeError): ...


class VerificationError(HeroBuildError):
    code, rpc = 5, -32004


class SizeMismatch(VerificationError): ...


class ChecksumMismatch(VerificationError): ...


class InvalidChecksumFile(VerificationError): ...


class InvalidSignature(VerificationError): ...


class InvalidServiceManifest(VerificationError): ...


class InvalidBinary(VerificationError): ...


class InvalidBundle(VerificationError): ...


class RootDamaged(VerificationError): ...


class BuildError(HeroBuildError):
    code, rpc = 6, -32005


class LockHeld(HeroBuildError):
    code, rpc = 7, -32006


class MachineError(HeroBuildError):
    code, rpc = 8, -32007


class BuildNeeded(MachineError): ...


class NotWritable(MachineError): ...


class DiskFull(MachineError): ...


class MissingTool(MachineError): ...


class ToolFailed(MachineError):
    """`status`: the exit code (negative: the signal)."""

    def __init__(self, message: str, hint: str = "", *, status: int = 1, tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint, tail=tail)
        self.status = status


class MissingSecret(MachineError): ...


class ServiceConflict(MachineError): ...


class UntrustedRecipe(MachineError): ...


class CheckoutRefused(MachineError): ...


class NoWayBack(MachineError): ...


class Unsupported(MachineError): ...


class RuntimeFailed(HeroBuildError):
    code, rpc = 9, -32009


class RuntimeUnreachable(RuntimeFailed): ...


class BadRuntimeResponse(RuntimeFailed): ...


class NotHealthy(RuntimeFailed):
    rpc = -32008
