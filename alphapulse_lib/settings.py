"""Every setting: variable, type, default, help. `.env.example` documents each one and a test holds the two together.

A setting is read from the environment first, then from a `.env` file in the folder where the command is run, then
from its default here. Read them with `settings()`, which reads afresh whenever one of these has changed: nothing is
read at import.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.location import location

__all__ = ["PROJECT", "Settings", "settings", "working_folder"]

#: The checkout this library is installed from; the current folder when it is installed as a wheel.
PROJECT = Path(__file__).parent.parent if (Path(__file__).parent.parent / "pyproject.toml").exists() else Path.cwd()


def _in_project(path: Path) -> Path:
    return Path(os.path.normpath(PROJECT / path.expanduser()))


def _place(told: Any) -> PurePath | None:
    """A folder, absolute, or an object store's address."""
    try:
        found = None if told is None else location(told)
    except ValueError as refused:
        raise PydanticCustomError("location", "it is no place of a catalog: {told}", {"told": str(refused)}) from None
    return _in_project(found) if isinstance(found, Path) else found


type Place = Annotated[PurePath | None, PlainValidator(_place)]


class Settings(BaseSettings):
    """What can be set, one declaration each. The variable is the field's name in capitals after ``ALPHAPULSE_``."""

    model_config = SettingsConfigDict(env_prefix="ALPHAPULSE_", env_file=".env", extra="ignore", env_ignore_empty=True)

    home: Path = Field(Path("var"), description="Where everything that is not code lives; relative to the project.")
    catalog: Place = Field(
        None, description="The team's catalog: a folder, or s3://bucket/prefix. Default: <home>/catalog."
    )
    personal_catalog: Place = Field(
        None, description="A person's own catalog, laid over the team's; set by the hub in each workspace."
    )
    datasets: Path | None = Field(
        None, description="A folder of declarations of datasets, beside those in catalog/ of the project."
    )
    reader_key: str = Field(
        "",
        repr=False,
        description="The key id with which workspaces read the team's catalog where that is in an object store. "
        "It should be allowed to read alone.",
    )
    reader_secret: str = Field("", repr=False, description="The secret that belongs to the reader's key id.")
    ledger: Path | None = Field(None, description="The ledger of runs. Default: <home>/ledger.")
    address: str = Field("127.0.0.1", description="The address the hub listens on.")
    port: int = Field(8000, ge=1, le=65535, description="The port the hub listens on.")
    fronts: str = Field(
        "",
        description="What stands in front of the hub and speaks TLS, where that is another machine: addresses or "
        "networks, separated by commas. Its word on where a request came from is believed.",
    )
    spawner: str = Field(
        "process",
        description="How workspaces start: process (no isolation), docker (a container each), kubernetes (a pod each), "
        "or a spawner JupyterHub knows by name.",
    )
    workspace_images: str = Field(
        "",
        description="The images that a workspace's container may be made of, separated by commas; the first is taken "
        "unless another is chosen. Default: alphapulse/workspace of this version.",
    )
    workspace_memory: int = Field(
        4000, ge=300, description="How many megabytes of memory all processes of one workspace's container may hold."
    )
    workspace_cpus: float = Field(2.0, gt=0, description="How many processors one workspace's container may use.")
    workspace_processes: int = Field(
        1000, ge=100, description="How many processes and threads one workspace's container may have at once."
    )
    disk_limit: int = Field(
        0,
        ge=0,
        description="How many megabytes of the disk a person's files may take; from nine tenths of it on they are told "
        "in JupyterLab, and administrators too. Enforced where the storage can, which doctor tells. 0: any.",
    )
    idle_minutes: float = Field(
        120,
        ge=0,
        description="After how many minutes without a request a workspace's server ends, unless a kernel, a job or a "
        "terminal is in it. 0: never.",
    )
    docker_prefix: str = Field(
        "alphapulse",
        pattern="^[a-z0-9][a-z0-9-]*$",
        description="How the names of people's containers, networks and volumes begin; each hub has its own.",
    )
    docker_catalog: str = Field(
        "",
        description="What Docker mounts as the team's catalog: a volume, or a folder of Docker's machine. Default: the "
        "folder of the catalog.",
    )
    docker_hub: str = Field(
        "", description="The hub's own container, where it runs in one; it joins the network of each person."
    )
    docker_proxy: str = Field("", description="The container of the hub's proxy, which does so too.")
    subdomain_host: str = Field(
        "",
        description="Where people find the hub, as in https://hub.example.org, if each person's server is to have a "
        "host of its own below it, as in https://ann.hub.example.org. *.hub.example.org must lead here.",
    )
    kubernetes_front: str = Field(
        "", description="Where pods reach the hub's proxy, such as http://alphapulse-proxy:8000."
    )
    kubernetes_namespace: str = Field("", description="The namespace of people's pods. Default: the hub's own.")
    kubernetes_catalog: str = Field(
        "",
        description="The claim of the volume that holds the team's catalog, which pods mount read-only; one in an "
        "object store needs none.",
    )
    kubernetes_disk: int = Field(
        10_000,
        ge=100,
        description="How many megabytes of disk are claimed for a person's folder, and for a team's, where "
        "ALPHAPULSE_DISK_LIMIT is 0.",
    )
    kubernetes_team_storage: str = Field(
        "",
        description="The storage class of teams' folders, one that several nodes can mount at once (ReadWriteMany). "
        "Default: teams have no folder in pods.",
    )
    auth: str = Field(
        "password",
        description="How people sign in: password (one shared password, made at set-up), oidc (OpenID Connect), "
        "github, google, or an authenticator JupyterHub knows by name.",
    )
    auth_issuer: str = Field(
        "", description="The OpenID provider's issuer, such as https://login.example.org; of GitHub, one's own server."
    )
    auth_client_id: str = Field("", description="The id under which the provider knows this hub.")
    auth_client_secret: str = Field("", repr=False, description="The secret that belongs to the client id.")
    auth_client_secret_file: Path | None = Field(None, description="A file that holds it, in place of the setting.")
    auth_label: str = Field("", description="How the sign-in page calls the provider. Default: by its kind.")
    auth_scopes: str = Field(
        "", description="What is asked of the provider, separated by spaces. Default: openid profile email."
    )
    auth_name: str = Field("", description="Which claim of an OpenID provider is a person's name here. Default: email.")
    auth_groups: str = Field("groups", description="Which claim of an OpenID provider lists a person's groups.")
    auth_allowed: str = Field(
        "",
        description="Who may sign in beside those that are named, separated by commas: domains of e-mail addresses or "
        "@groups (oidc), organisations or organisation:team (github), domains of Google Workspace (google).",
    )
    admins: str = Field("admin", description="The administrators' names, separated by commas.")
    users: str = Field("", description="Further names that may sign in, separated by commas. `*`: any name.")
    publishers: str = Field(
        "",
        description="Who, beside the administrators, may publish series of their own into the team's catalog; names "
        "separated by commas.",
    )
    everybody: Literal["viewer", "researcher", "trader", "reviewer"] = Field(
        "researcher", description="The role of whoever may sign in."
    )
    roles: str = Field(
        "",
        description="Who has which role besides: role=name, or role=@group of the identity provider; separated by "
        "commas.",
    )
    teams: str = Field(
        "*",
        description="Which groups are teams, whose members see each other's runs and share a folder; names separated "
        "by commas. `*`: every group.",
    )
    scorer: str = Field("finance", description="The scorer that ap.sentiment and ap.news use unless told otherwise.")
    hub_database: str = Field(
        "",
        description="JupyterHub's own database, no other part's. Default: SQLite in <home>/hub.",
    )
    api_database: str = Field(
        "", description="The REST API's database, as SQLAlchemy names it. Default: SQLite in <home>/api."
    )
    api_url: str = Field("", description="Where the REST API is reached; set by the hub in each workspace.")
    api_token: str = Field(
        "",
        repr=False,
        description="Whose rights scripts outside of a workspace have at the REST API: a token of the hub's.",
    )
    worker_database: str = Field(
        "",
        description="Where the worker remembers how far each firing is, as SQLAlchemy names it; not the API's "
        "database. Default: SQLite in <home>/worker.",
    )
    worker_firings: int = Field(4, ge=1, le=1000, description="How many firings one worker carries out at once.")
    master_key_file: Path | None = Field(
        None,
        description="The file of the key that vendors' keys are sealed with (alphapulse keys). Default: "
        "<home>/master.key.",
    )
    alpaca_key: str = Field("", repr=False, description="The key id of an Alpaca account; crypto needs none.")
    alpaca_secret: str = Field("", repr=False, description="The secret that belongs to the key id.")
    alpaca_feed: Literal["iex", "sip"] = Field(
        "sip", description="Whose trades make Alpaca's data of stocks: iex (one exchange) or sip (all of them)."
    )
    alpaca_url: str = Field("https://data.alpaca.markets", description="Where Alpaca's market data is asked for.")
    alpaca_trading_url: str = Field(
        "https://paper-api.alpaca.markets", description="Where Alpaca's list of assets is asked for."
    )
    dask: str = Field(
        "",
        description="The Dask scheduler whose workers run the trials of sweeps, such as tls://scheduler:8786. "
        "Default: a cluster of this machine's own, which lives as long as the sweep.",
    )
    run_seconds: float | None = Field(
        None, gt=0, description="How long a run, or a trial of a sweep, may take. Default: no limit."
    )
    run_memory: float | None = Field(
        None,
        gt=0,
        description="How many megabytes of memory a run, or a trial of a sweep, may hold for itself alone. "
        "Default: nine tenths of what the machine or the container has.",
    )
    firing: str = Field("", description="The firing whose notebook this is; set by the job that runs it.")
    progress_file: Path | None = Field(
        None,
        description="Where a backtest or a sweep writes how far it is; set by the job that runs its notebook.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much the services log.")

    @field_validator("home", "datasets", "ledger", "auth_client_secret_file", "master_key_file", mode="after")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else _in_project(path)

    @property
    def catalog_root(self) -> PurePath:
        """The team's catalog, absolute."""
        return self.catalog or self.home_root / "catalog"

    @property
    def declarations(self) -> dict[str, Path]:
        """Where each dataset is declared, by its name: in `catalog/` of the project, and in the folder that is set."""
        folders = [PROJECT / "catalog", *([self.datasets] if self.datasets else [])]
        return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}

    @property
    def team_names(self) -> frozenset[str]:
        """The groups that are teams; ``*`` among them is every group."""
        return frozenset(each.strip() for each in self.teams.split(",") if each.strip())

    @property
    def hub_database_url(self) -> str:
        """JupyterHub's own database."""
        return self.hub_database or f"sqlite:///{self.home_root / 'hub' / 'jupyterhub.sqlite'}"

    @property
    def api_database_url(self) -> str:
        """The REST API's database."""
        return self.api_database or f"sqlite:///{self.home_root / 'api' / 'api.sqlite'}"

    @property
    def worker_database_url(self) -> str:
        """The worker's own database."""
        return self.worker_database or f"sqlite:///{self.home_root / 'worker' / 'dbos.sqlite'}"

    @property
    def home_root(self) -> Path:
        """The home folder, absolute."""
        return Path(os.path.normpath(PROJECT / self.home))

    @property
    def ledger_root(self) -> Path:
        """The folder of the ledger and of the runs' files, absolute."""
        return self.ledger or self.home_root / "ledger"


def settings() -> Settings:
    """The settings in force.

    Raises
    ------
    SettingsError
        A variable holds what its type refuses; the message names the variable and what it takes. Or the folder that
        this process works in is gone.

    Examples
    --------
    >>> settings().port > 0
    True
    """
    env, file = working_folder() / ".env", None
    with suppress(FileNotFoundError):
        found = env.stat()
        file = (found.st_mtime_ns, found.st_size, found.st_ino)
    # Names alone, for their values are decoded one by one.
    given = tuple((name, os.environ.get(name)) for name in os.environ if name.upper().startswith("ALPHAPULSE_"))
    return _read(given, str(env), file)


def working_folder() -> Path:
    """The folder that this process works in, absolute.

    Raises
    ------
    SettingsError
        It was removed, though another of its name may be there by now.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise SettingsError(
            "The folder that this process works in is gone.",
            "Go to one that is there: `cd` to it in a terminal, os.chdir(...) in Python; a notebook's kernel, once it "
            "is restarted, works where its notebook lies.",
        ) from None


@lru_cache(maxsize=1)
def _read(*_surroundings: object) -> Settings:
    """Read the settings: ten milliseconds, which is longer than a month of minutes takes to read."""
    try:
        return Settings()
    except ValidationError as refused:
        first = refused.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(
            f"ALPHAPULSE_{name}={first['input']!r}: {first['msg'].lower()}",
            f"{Settings.model_fields[name.lower()].description} See .env.example.",
        ) from None
