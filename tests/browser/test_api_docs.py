"""The pages about the API, as a developer opens them."""

from tests.browser.conftest import Visitor


def test_the_documentation_can_be_read_on_any_screen(visitor: Visitor) -> None:
    visitor.open("/api/docs")
    assert visitor.heading() == "For developers: the API"
    visitor.look("api-docs")
    visitor.page.get_by_role("link", name="422 invalid").first.click()
    assert visitor.heading() == "Something in the request needs to be mended"
    visitor.look("api-problem")
