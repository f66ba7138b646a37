"""Templates of the pages."""

from collections.abc import Callable

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template, select_autoescape


def load_template(package: str, name: str, **filters: Callable[..., str]) -> Template:
    """Return a template among the files of a package; what it names and is not given is an error.

    It may include files of this package, such as ``style.html``, which needs ``palette``.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(place, ".") for place in (package, "nnunet_cipa.pages")]),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(name)
