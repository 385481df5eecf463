"""The explorer: a run folder in a browser, read only, by the extra `explore`."""

from latentatlas.server.notebook import Exploration, explore
from latentatlas.server.serving import Address, address_of, serve

__all__ = ["Address", "Exploration", "address_of", "explore", "serve"]
