"""Keyed dictionary: a phrase book. `phrase.in_language["de"]` is the German row.

The collection is a dictionary whose keys come from an attribute of its values, so a key and its row cannot disagree.
A second dictionary in the same program makes the key out of two columns.

    python examples/keyed_dict.py [--url URL]
"""

from __future__ import annotations

from _recipe import run

from pyorm import ForeignKey, String, select
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    attribute_keyed_dict,
    keyfunc_mapping,
    mapped_column,
    relationship,
    selectinload,
)

Spoken = tuple[str, str]  # a language and a voice


class Base(DeclarativeBase):
    """Base of the recipe."""


class Phrase(Base):
    """Something to say, by a short name."""

    __tablename__ = "phrase"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    in_language: Mapped[dict[str, Translation]] = relationship(
        collection_class=attribute_keyed_dict("language"), cascade="all, delete-orphan", back_populates="phrase"
    )
    recordings: Mapped[dict[Spoken, Recording]] = relationship(
        collection_class=keyfunc_mapping(lambda recording: (recording.language, recording.voice)),
        cascade="all, delete-orphan",
    )

    def say(self, language: str, text: str) -> None:
        """Set the words for a language, new or not."""
        if language in self.in_language:
            self.in_language[language].text = text
        else:
            self.in_language[language] = Translation(language=language, text=text)


class Translation(Base):
    """A phrase in one language."""

    __tablename__ = "translation"

    phrase_id: Mapped[int] = mapped_column(ForeignKey("phrase.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    text: Mapped[str] = mapped_column(String(100))
    phrase: Mapped[Phrase] = relationship(back_populates="in_language")


class Recording(Base):
    """A phrase as somebody spoke it."""

    __tablename__ = "recording"

    id: Mapped[int] = mapped_column(primary_key=True)
    phrase_id: Mapped[int] = mapped_column(ForeignKey("phrase.id"))
    language: Mapped[str] = mapped_column(String(2))
    voice: Mapped[str] = mapped_column(String(20))
    seconds: Mapped[float]


def story(session: Session) -> None:
    """Write two phrases, look rows up by key, replace, remove and ask."""
    thanks, bye = Phrase(code="thanks"), Phrase(code="bye")
    for language, text in [("en", "Thank you"), ("de", "Danke"), ("fi", "Kiitos")]:
        thanks.say(language, text)
    bye.say("en", "Goodbye")
    # The backref finds the key by itself.
    Translation(language="it", text="Ciao", phrase=bye)
    for voice, seconds in [("Ann", 0.8), ("Ben", 1.25)]:
        spoken = Recording(language="en", voice=voice, seconds=seconds)
        thanks.recordings[spoken.language, spoken.voice] = spoken
    session.add_all([thanks, bye])
    session.commit()

    every = select(Phrase).order_by(Phrase.code).options(selectinload(Phrase.in_language))
    for phrase in session.scalars(every):
        print(phrase.code, {key: phrase.in_language[key].text for key in sorted(phrase.in_language)})
    print("Ben takes", thanks.recordings["en", "Ben"].seconds, "seconds;", ("de", "Ben") in thanks.recordings)

    thanks.say("de", "Vielen Dank")  # an UPDATE
    thanks.say("nl", "Dank je")  # an INSERT
    del thanks.in_language["fi"]  # a DELETE: an orphan
    session.commit()
    print(sorted((key, row.text) for key, row in thanks.in_language.items()))

    italian = select(Phrase.code).join(Phrase.in_language).where(Translation.language == "it")
    print("in Italian:", session.scalars(italian).all())
    missing = select(Phrase.code).where(~Phrase.in_language.any(Translation.language == "nl"))
    print("not in Dutch:", session.scalars(missing).all())


if __name__ == "__main__":
    run(Base, story)
