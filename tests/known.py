"""The migration tools by name, for tests that go through all of them."""

from gatekeeper import tools

TOOLS = {tool.name: tool for tool in tools.every()}
