"""`ap.comments` and `run.comments`, in a hub and without one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from api_server import RunningApi
from small_runs import kept

import alphapulse_lib as ap
from alphapulse_lib.errors import (
    HubError,
    HubUnreachable,
    InputError,
    NotAllowed,
    NotSignedIn,
    NotUnderstood,
    UnknownRun,
    UnknownSymbol,
    UnknownTarget,
)
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.session.runs import open_ledger
from alphapulse_lib.views import cards

type Become = Callable[[str], None]


def test_two_people_talk_about_an_instrument(person: Become):
    person("ada")
    first = ap.comments("instrument:AAPL").write("Earnings on **Thursday**, @bob")
    person("bob")
    comments = ap.comments("instrument:AAPL.XNAS")
    answer = comments.write("Seen.", parent=first.id[:8])
    assert [each.body for each in comments] == ["Earnings on **Thursday**, @bob", "Seen."]
    assert (len(comments), bool(ap.comments("instrument:MSFT"))) == (2, True)
    frame = comments.frame()
    assert frame.columns.tolist() == ["id", "author", "body", "parent", "created", "edited"]
    assert frame["author"].tolist() == ["ada", "bob"]
    assert frame["parent"].tolist()[1] == first.id
    assert str(frame["created"].dtype) == "datetime64[ns, UTC]"
    assert comments.newest(1) == [answer]
    assert comments.edit(answer, "Seen, thanks.").body == "Seen, thanks."
    assert comments.delete(answer.id).deleted
    with pytest.raises(NotAllowed, match="ada's"):
        comments.delete(first)


def test_without_a_comment_there_is_an_empty_frame(person: Become):
    person("ada")
    frame = ap.comments("notebook:backtests/sma.ipynb").frame()
    assert (len(frame), str(frame["created"].dtype)) == (0, "datetime64[ns, UTC]")


def test_a_run_is_commented_by_its_beginning_or_itself(person: Become):
    person("ada")
    record = kept(open_ledger())
    ap.run(record.id).comments().write("Too good")
    person("bob")
    assert [each.body for each in ap.comments(f"run:{record.id[:6]}")] == ["Too good"]
    assert [each.body for each in ap.comments(ap.run(record.id))] == ["Too good"]


def test_a_run_that_waits_is_handed_in_before_it_is_commented(api: RunningApi, person: Become):
    person("ada")
    record = kept(Ledger(open_ledger().root))
    api.stop()
    with pytest.warns(UserWarning, match="Only your own"), pytest.raises(HubError, match="no run"):
        ap.comments(f"run:{record.id[:5]}")
    api.start()
    ap.comments(f"run:{record.id[:5]}").write("now it is there")
    assert open_ledger().get(record.id) == record


def test_what_cannot_be_commented_is_refused(person: Become):
    person("ada")
    for target, error, says in (
        ("AAPL", InputError, "instrument:"),
        ("instrment:AAPL", InputError, "Did you mean instrument"),
        ("run:", InputError, "run:"),
        (3, InputError, "instrument:"),
        ("instrument:APPL", UnknownSymbol, "Did you mean AAPL"),
        ("run:ffff", UnknownRun, "ffff"),
    ):
        with pytest.raises(error) as refused:
            ap.comments(target)  # type: ignore[arg-type]
        assert says in str(refused.value)
    with pytest.raises(UnknownTarget, match="no article 'nothing'"):
        ap.comments("article:nothing").write("hello")
    with pytest.raises(NotUnderstood, match="is empty"):
        ap.comments("instrument:AAPL").write("  ")
    with pytest.raises(NotUnderstood, match="takes 20,000 at most"):
        ap.comments("instrument:AAPL").write("x" * 20_001)


def test_the_card_tells_the_newest(person: Become):
    person("ada")
    comments = ap.comments("instrument:AAPL")
    assert "Nobody has said anything yet" in str(comments)
    first = comments.write("number 0 <script>alert(1)</script>")
    for number in range(1, 12):
        comments.write(f"number {number}", parent=first)
    told = cards.text(comments)
    assert "number 11" in told and "number 4" in told and "number 3" not in told
    assert f"to {first.id[:6]}" in told
    comments.delete(first)
    assert "<script>" not in comments._repr_html_()
    assert repr(comments) == "<Comments on instrument:AAPL.XNAS>"


def test_without_a_hub_it_is_said_how_to_start_one(sample: object):
    for act in (lambda: ap.comments("instrument:AAPL"), lambda: ap.schedules(), lambda: ap.schedule("a.ipynb", "@x")):
        with pytest.raises(HubError, match="needs a hub") as refused:
            act()
        assert "make up" in refused.value.hint


def test_without_a_token_it_is_said_how_to_get_one(person: Become, monkeypatch: pytest.MonkeyPatch):
    person("ada")
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN")
    with pytest.raises(NotSignedIn, match="no token") as refused:
        ap.comments("instrument:AAPL")
    assert "alphapulse token" in refused.value.hint


def test_the_setting_wins_over_the_workspace_s_token(person: Become, monkeypatch: pytest.MonkeyPatch):
    person("ada")
    monkeypatch.setenv("ALPHAPULSE_API_TOKEN", "bob")
    assert ap.comments("instrument:AAPL").write("hello").author == "bob"


def test_a_comment_that_is_not_there_is_not_answered(person: Become):
    person("ada")
    comments = ap.comments("instrument:AAPL")
    with pytest.raises(InputError, match=r"No comment on instrument:AAPL\.XNAS begins with 'zz'"):
        comments.write("to nobody", parent="zz")
    with pytest.raises(NotUnderstood, match="is no comment on"):
        comments.write("to somewhere else", parent=ap.comments("instrument:MSFT").write("here"))


def test_a_hub_that_is_away_is_one_sentence(api: RunningApi, person: Become):
    person("ada")
    comments = ap.comments("instrument:AAPL")
    api.stop()
    with pytest.raises(HubUnreachable, match="Nothing answers"):
        len(comments)
    api.start()
