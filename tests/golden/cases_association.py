"""Golden cases: association proxies and ordering lists, as programs whose results are written down as text.

The same source runs under the reference library, which writes tests/golden/association.json, and under pyorm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.golden.association_models import make

Result = dict[str, str]

EXPRESSIONS = """
words.any(Keyword.word == 'x'); words == 'x'; words != 'x'; words == None; words.like('x%'); words.contains('x')
words.in_(['a']); words.any(); keywords.any(Keyword.word == 'x'); keywords.any(word='x'); keywords.contains(one)
keywords == one; keywords != one; bio == 'x'; bio.has(); bio.any(); bio == None; words.has(); kwords == 'x'
kwords.any(); kwords.any(Keyword.word == 'x'); kwords.contains('x'); notes == 'x'; tagset.any(Keyword.word == 'x')
str(words.attr[1]); str(words.local_attr); str(words.remote_attr)
words.scalar; words.target_class.__name__; words.value_attr
words.target_collection; words.owning_class.__name__; type(words).__name__; type(keywords).__name__
type(nothing).__name__; words.info; nothing.any(); nothing == 'x'; bad; words.any(word='x')
"""
OF_PROFILE = """
uname == 'x'; uname.has(); uname.has(User.name == 'x'); uname.has(name='x'); ukeywords.any(Keyword.word == 'x')
ukeywords.contains(one); ulinks.any(Link.special == 'x'); ulinks.contains(link)
"""
REFUSED = """
words.remove('nope'); words.sort(); words.reverse(); hash(words); words.__setitem__(slice(0, 2, 2), [1, 2, 3])
words[5]; words + 3; words.index(3); tagset.remove('q'); notes['q']; notes.pop('q'); tagset.__ior__([1]); hash(tagset)
"""


class _Attributes(dict):  # type: ignore[type-arg]
    """Names are attributes of a class or object first."""

    def __init__(self, owner: Any, more: dict[str, Any]) -> None:
        super().__init__(more)
        self.owner = owner

    def __missing__(self, name: str) -> Any:
        try:
            return getattr(self.owner, name)
        except AttributeError as error:
            if "has no attribute" in str(error):
                raise KeyError(name) from None
            raise


def _text(make_result: Callable[[], Any]) -> str:
    try:
        return re.sub("0x[0-9a-f]+", "0x", str(make_result()))
    except Exception as error:  # every kind of refusal is part of the reference
        return f"{type(error).__name__}: {re.sub('0x[0-9a-f]+', '0x', str(error))}"


def _evaluate(texts: str, owner: Callable[[], Any], m: SimpleNamespace) -> Result:
    more = vars(m) | {"one": m.Keyword(id=5), "link": m.Link(uid=1, kid=2)}
    names = [text.strip() for line in texts.strip().splitlines() for text in line.split(";") if text.strip()]
    return {text: _text(lambda text=text: eval(text, {}, _Attributes(owner(), more))) for text in names}


def _lists(m: SimpleNamespace) -> list[Any]:
    user, log = m.User(name="u"), []
    user.words.append("a")
    user.words.extend(["b", "c"])
    log += [str(user.words), str(user.keywords_rel)]
    user.words[0] = "z"
    user.words[1:2] = ["x", "y"]
    log.append(str(user.words))
    user.words[::2] = ["1", "2"]
    user.words.insert(1, "ins")
    log.append(str(user.words))
    log += [user.words.pop(), user.words.pop(0), user.words.index("ins"), user.words.count("ins"), "ins" in user.words]
    log += [len(user.words), bool(user.words), user.words[0], user.words[:2], user.words == ["ins", "x", "2"]]
    log += [user.words != [], user.words < ["zz"], user.words * 2]
    log += [user.words + ["q"], ["q"] + user.words]  # noqa: RUF005 - its own operators
    user.words += ["w"]
    user.words.remove("x")
    del user.words[0]
    user.words *= 3
    log.append(str(user.words))
    user.words *= 0
    user.words = ["n", "m"]
    user.words = user.words
    log.append(str(user.words))
    user.words.clear()
    return [*log, user.words.copy(), user.words is user.words]


def _sets(m: SimpleNamespace) -> list[Any]:
    user, log = m.User(name="u"), []
    user.tagset.add("a")
    user.tagset.add("a")
    user.tagset.update(["b", "c"])
    log += [sorted(user.tagset), len(user.tagset_rel)]
    user.tagset.discard("a")
    user.tagset.discard("zz")
    user.tagset.remove("b")
    user.tagset |= {"d", "e"}
    user.tagset &= {"d", "c"}
    log.append(sorted(user.tagset))
    user.tagset ^= {"d", "f"}
    user.tagset -= {"f"}
    log.append(user.tagset.pop())
    user.tagset = ["1", "2"]
    kept = next(one for one in user.tagset_rel if one.word == "2")
    user.tagset = {"2", "3"}
    log += [sorted(user.tagset), kept in user.tagset_rel, user.tagset == {"2", "3"}, sorted(user.tagset | {"9"})]
    log += [sorted(user.tagset.union(["8"])), user.tagset.issubset({"2", "3", "4"}), sorted(user.tagset - {"2"})]
    log += [sorted(user.tagset & {"2"}), sorted(user.tagset ^ {"2"}), user.tagset <= {"2", "3"}, bool(user.tagset)]
    user.tagset.clear()
    return [*log, sorted(user.tagset.copy()), _text(user.tagset.pop)]


def _dictionaries(m: SimpleNamespace) -> list[Any]:
    user, log = m.User(name="u"), []
    user.notes["a"] = "x"
    user.notes["a"] = "y"
    user.notes.update({"b": "1"}, c="2")
    log += [str(user.notes), user.notes.get("a"), user.notes.get("q", "d"), user.notes.setdefault("z", "zz")]
    log += [user.notes.setdefault("a", "n"), list(user.notes), list(user.notes.values()), list(user.notes.items())]
    log += [user.notes.pop("b"), user.notes.pop("q", None), "a" in user.notes, len(user.notes), user.notes.popitem()]
    log += [user.notes == {"a": "y", "c": "2"}, user.notes.copy()]
    del user.notes["a"]
    user.notes = {"m": "1", "c": "9"}
    kept = user.notes_rel["c"]
    user.notes = {"c": "7"}
    log += [str(user.notes), user.notes_rel["c"] is kept]
    user.notes.clear()
    return [*log, str(user.notes)]


def _scalars(m: SimpleNamespace) -> list[Any]:
    user = m.User(name="u")
    log: list[Any] = [user.bio]
    user.bio = None
    log.append(user.profile)
    user.bio = "hi"
    profile = user.profile
    user.bio = "ho"
    log += [user.profile is profile, profile.bio]
    user.bio = None
    log += [user.profile is profile, profile.bio]
    user.bio2 = None
    log.append(user.profile)
    user.bio3 = None
    log.append(user.profile.bio)
    user.bio = "d"
    profile = user.profile
    del user.bio
    log += [user.profile, profile.bio, _text(lambda: delattr(m.User(), "bio"))]
    profile = m.Profile(user=m.User(name="one"))
    log.append(profile.uname)
    profile.uname = "two"
    return [*log, profile.user.name, str(profile.ukeywords)]


def _objects(m: SimpleNamespace) -> list[Any]:
    user, keyword = m.User(name="u"), m.Keyword(word="k")
    user.keywords.append(keyword)
    user.keywords.append(m.Keyword(word="j"))
    log = [str(user.keywords), str(user.kwords), user.kw_links[0].keyword is keyword, user.kw_links[0].user is user]
    user.kwords[0] = "changed"
    user.keywords = [keyword]
    made = m.User(words=["a"], bio="b", notes={"k": "v"}, tagset={"t"})
    log += [str(made.words), made.bio, str(made.notes), str(made.tagset)]
    log.append(_text(lambda: m.User(kw_links=[m.Link()]).nothing))
    return [*log, keyword.word, len(user.kw_links), str(user.keywords)]


def _database(m: SimpleNamespace) -> list[Any]:
    sa, User, log = m.sa, m.User, []
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    m.Base.metadata.create_all(engine)
    with m.orm.Session(engine) as session:
        user = User(name="db", words=["a", "b"], tagset={"c"}, notes={"k": "v"}, bio="bb")
        user.keywords.append(m.Keyword(word="kk"))
        session.add(user)
        session.commit()
        words = user.words
        log += [str(words), str(user.notes)]
        words.append("c")
        session.commit()
        log.append(str(words))
        for criterion in (User.words == "c", User.notes == "v", User.keywords.any(word="kk"), User.bio == "zz"):
            log.append([one.name for one in session.scalars(sa.select(User).where(criterion))])
        user.bio2 = None
        session.commit()
        log.append(user.profile)
        del user.notes["k"]
        session.commit()
        log.append(session.scalar(sa.select(sa.func.count()).select_from(m.Note)))
    engine.dispose()
    return log


def _ordering(m: SimpleNamespace, **options: Any) -> list[str]:
    Slide, Bullet = m.slides(**options)
    slide, log = Slide(), []

    def note() -> None:
        log.append(str(list(slide.bullets)))

    slide.bullets.append(Bullet(name="a"))
    slide.bullets.append(Bullet(name="b", pos=77))
    note()
    slide.bullets.insert(0, Bullet(name="c"))
    note()
    slide.bullets.remove(slide.bullets[1])
    note()
    slide.bullets.extend([Bullet(name="d"), Bullet(name="e")])
    slide.bullets[1] = Bullet(name="f")
    note()
    log.append(str(slide.bullets.pop(0)))
    slide.bullets[0:2] = [Bullet(name="g"), Bullet(name="h")]
    note()
    del slide.bullets[0]
    slide.bullets += [Bullet(name="i")]
    note()
    slide.bullets.reverse()
    note()
    slide.bullets.reorder()
    note()
    slide.bullets = [Bullet(name="x"), Bullet(name="y")]
    Bullet(name="z").slide = slide
    slide.bullets[0].slide = None
    note()
    slide.bullets.extend([Bullet(name="3"), Bullet(name="4")])
    del slide.bullets[1:3]
    note()
    slide.bullets[::2] = [Bullet(name="n")]
    note()
    return log


def _ordering_stored(m: SimpleNamespace) -> list[str]:
    Slide, Bullet = m.slides()
    engine, log = m.sa.create_engine("sqlite://", poolclass=m.sa.StaticPool), []
    Slide.metadata.create_all(engine)
    with m.orm.Session(engine) as session:
        session.add(Slide(id=1, bullets=[Bullet(name="a"), Bullet(name="b"), Bullet(name="c")]))
        session.commit()
        slide = session.get(Slide, 1)
        log.append(str(list(slide.bullets)))
        slide.bullets.insert(1, Bullet(name="n"))
        session.commit()
        log.append(str(list(slide.bullets)))
        slide.bullets.remove(slide.bullets[0])
        session.commit()
        log.append(str(list(slide.bullets)))
    engine.dispose()
    return log


def run(library: str) -> dict[str, Any]:
    """Run everything; return results by name."""
    m = make(library)
    m.orm.configure_mappers()
    one = m.User(words=["a", "b", "c"], tagset={"a"})
    found: dict[str, Any] = {
        program.__name__.strip("_"): [str(one) for one in program(m)]
        for program in (_lists, _sets, _dictionaries, _scalars, _objects, _database)
    }
    found["expressions"] = _evaluate(EXPRESSIONS, lambda: m.User, m)
    found["of profile"] = _evaluate(OF_PROFILE, lambda: m.Profile, m)
    found["refused"] = _evaluate(REFUSED, lambda: one, m)
    found["descriptors"] = sorted(m.sa.inspect(m.User).all_orm_descriptors.keys())
    options: list[dict[str, Any]] = [
        {}, {"count_from": 1}, {"count_from": 5}, {"ordering_func": lambda i, c: i * 10}, {"reorder_on_append": True}
    ]  # fmt: skip
    for given in options:
        found[f"ordering {sorted(given)}{given.get('count_from', '')}"] = _ordering(m, **given)
    found["ordering stored"] = _ordering_stored(m)
    return found
