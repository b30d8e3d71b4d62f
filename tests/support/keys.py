"""Keys for signatures of lock files, as files that `minisign -G -W` writes."""

from pathlib import Path

import minisign


class Keys:
    """`secret`, `public`: the files NAME.key and NAME.pub of a new pair."""

    def __init__(self, folder: Path, name: str) -> None:
        pair = minisign.KeyPair.generate()
        self.secret, self.public = folder / f"{name}.key", folder / f"{name}.pub"
        self.secret.write_bytes(bytes(pair.secret_key))
        self.secret.chmod(0o600)
        self.public.write_bytes(bytes(pair.public_key))

    @property
    def line(self) -> str:
        return self.public.read_text().splitlines()[-1]
