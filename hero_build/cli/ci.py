"""`ci matrix` and `ci workflow`: for Forgejo Actions."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli import completion
from hero_build.cli.base import command, options, remember_globals, write_examples
from hero_build.cli.examples import epilog
from hero_build.cli.session import Session

_WHEEL = "@wheel"  # the value of --install without a command


class CiGroup(click.Group):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self, formatter)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            raise click.UsageError(f"unknown command 'ci {args[0]}', only {' and '.join(self.commands)}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    "ci",
    cls=CiGroup,
    invoke_without_command=True,
    params=options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog("ci"),
)
@click.pass_context
def ci(ctx: click.Context, /, **_: object) -> None:
    """For Forgejo Actions: the jobs of a release, and a workflow that runs them."""
    typed = remember_globals(ctx)
    if ctx.invoked_subcommand is None and typed["json"]:
        raise click.UsageError("no command is given", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command("matrix")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.apps)
@click.option("--platform", metavar="P", multiple=True, help="Build for it (default: this machine's); may be repeated.")
@click.option("--shards", metavar="N", type=click.IntRange(1), default=1, show_default=True, help="Jobs for islands.")
@click.option("--changed-since", metavar="REF", help="Only apps whose checkout or recipe differs from REF.")
def matrix(
    session: Session, apps: Sequence[str], *, platform: tuple[str, ...], shards: int, changed_since: str | None
) -> int:
    """Print the jobs as one line of JSON, for `fromJSON(needs.plan.outputs.matrix)`."""
    from hero_build.ops import ci_jobs
    from hero_build.publish.matrix import encode
    from hero_build.queries.publish_report import MatrixReport

    context = session.context()
    answer = ci_jobs.plan(
        session.apps(context.catalog, apps), platforms=platform, shards=shards, since=changed_since, context=context
    )
    return session.console.answer(MatrixReport(answer), lambda terminal: (encode(answer),))


@command("workflow")
@click.argument("app", shell_complete=completion.apps)
@click.option("--platform", metavar="P", multiple=True, help="Build for this platform; may be repeated.")
@click.option("--shards", metavar="N", type=click.IntRange(1), default=1, show_default=True, help="Jobs for islands.")
@click.option("--runs-on", "labels", metavar="LABEL", multiple=True, help="The runners' labels (default self-hosted).")
@click.option("--tags", metavar="PATTERN", default="v*", show_default=True, help="Which tags become releases.")
@click.option(
    "--install",
    metavar="[COMMAND]",
    is_flag=False,
    flag_value=_WHEEL,
    default="",
    help="Install hero-build in each job, with COMMAND or from its release on this forge (default: it is there).",
)
@click.option("--recipes", metavar="FOLDER", default="", help="The repo's folder with recipes of its own.")
@click.option("--with-legacy-names", is_flag=True, help="Publish renamed binaries under their former names, too.")
@click.option("--fixed-matrix", is_flag=True, help="Write the jobs into it: for Gitea, without dynamic matrices.")
def workflow(
    session: Session,
    app: str,
    *,
    platform: tuple[str, ...],
    shards: int,
    labels: tuple[str, ...],
    tags: str,
    install: str,
    recipes: str,
    with_legacy_names: bool,
    fixed_matrix: bool,
) -> int:
    """Print a complete release workflow for an app's repo: a pushed tag becomes a release."""
    from hero_build.ops import ci_jobs
    from hero_build.publish.workflow import Workflow, render
    from hero_build.queries.publish_report import WorkflowReport

    context = session.context()
    loaded = context.catalog.get(app)
    if install == _WHEEL:
        from hero_build.ops.own_wheel import install_command

        install = install_command(context)
    platforms = platform or tuple(job.platform for job in ci_jobs.jobs_of(loaded, (), context) if job.platform)
    fixed = ci_jobs.plan([app], platforms=platforms, shards=shards, since=None, context=context) if fixed_matrix else ()
    spec = Workflow(
        app,
        labels=labels or ("self-hosted",),
        platforms=platforms,
        tags=tags,
        shards=shards,
        install=install,
        recipes=recipes,
        legacy_names=with_legacy_names,
        fixed=fixed,
    )
    answer = WorkflowReport(app, render(spec))
    return session.console.answer(answer, lambda terminal: answer.workflow.rstrip("\n").split("\n"))


ci.add_command(matrix)
ci.add_command(workflow)
