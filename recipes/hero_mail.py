"""hero_mail: mail, with its admin interface and a command."""

# The command's former name is hero_mail_cli.

from hero_build.recipe import Recipe, admin, cli, server


class HeroMail(Recipe):
    repo = "lhumina_code/hero_mail"
    binaries = (
        cli("hero_mail", formerly="hero_mail_cli"),
        server("hero_mail_server"),
        admin("hero_mail_admin", formerly="hero_mail_ui"),
    )
