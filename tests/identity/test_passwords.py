"""Which passwords are taken, and how they are kept."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.identity.options import SignInSettings
from api.identity.passwords import AT_ONCE, PasswordRefused, Passwords, check_new_password
from tests.identity.conftest import CHEAP


@pytest.mark.parametrize(
    "password",
    [
        "velvet onion 7 trapdoor",
        "8f3kq0zmv7xh",
        "Tr0ub4dor&3 jumps",
        "wei likes noodles at noon",
        "我家的猫从来不吃鱼只吃米饭",
        "всё будет хорошо завтра",
        "            spaces count too",
        "🦊🐢🦉🐙🦀🐝🦋🐞🦎🐊🐢🦂",
        "#;k]&?-|+)z/=<",
    ],
)
def test_password_is_taken_when_it_is_long_and_not_what_everybody_tries(password: str) -> None:
    check_new_password(password, "wei")


@pytest.mark.parametrize(
    ("password", "key"),
    [
        ("short", "short"),
        ("elevenchars", "short"),
        ("é" * 11, "short"),
        ("ab" * 129, "long"),
        ("password1234", "common"),
        ("P@ssw0rd2026!", "common"),
        ("Passw0rd!Passw0rd!", "common"),
        ("qwertyuiop12", "common"),
        ("1qaz2wsx3edc", "common"),
        ("123456789012", "common"),
        ("abcdefghijklm", "common"),
        ("aaaaaaaaaaaaaaaa", "common"),
        ("abcabcabcabcabc", "common"),
        ("Welcome2OpsDesk!", "common"),
        ("changeme-changeme", "common"),
        ("iloveyou5201314", "common"),
        ("woaini1314520!!", "common"),
        ("kubernetes-admin-2026", "common"),
        ("correct horse battery staple", "common"),
        ("Ａdmin１２３４５６７８９", "common"),
        ("li.wei.li.wei.li.wei", "name"),
        ("LiWeiLiWei123", "name"),
    ],
)
def test_password_is_refused_with_the_reason(password: str, key: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        check_new_password(password, "li.wei")
    assert refused.value.key == key
    assert password not in str(refused.value.message)


@given(st.text(min_size=0, max_size=300), st.text(max_size=40))
def test_any_text_is_judged_and_never_a_bug(password: str, name: str) -> None:
    with contextlib.suppress(PasswordRefused):
        check_new_password(password, name)


@given(st.text(min_size=1, max_size=60))
def test_hash_is_right_for_its_password_alone(password: str) -> None:
    passwords = Passwords(CHEAP)
    hashed = passwords.hash(password)
    assert passwords.is_right(hashed, password)
    assert not passwords.is_right(hashed, password + "x")
    assert password == "" or len(password) < 5 or password not in hashed


def test_hash_is_salted_argon2id_with_the_settings_costs() -> None:
    passwords = Passwords(SignInSettings(hash_memory_kib=64, hash_passes=3, hash_lanes=2))
    one, other = passwords.hash("the same password"), passwords.hash("the same password")
    assert one.startswith("$argon2id$v=19$m=64,t=3,p=2$")
    assert one != other
    assert not passwords.is_outdated(one)
    assert Passwords(CHEAP).is_outdated(one)


def test_defaults_are_stronger_than_what_is_recommended_at_least() -> None:
    """OWASP's smallest: 46 MiB with one pass, or 19 MiB with two."""
    defaults = SignInSettings()
    assert defaults.hash_memory_kib >= 47_104
    assert defaults.hash_passes >= 2


@pytest.mark.parametrize("hashed", [None, "", "not a hash", "$argon2id$v=19$m=8,t=1,p=1$x$y", "plain text"])
def test_hash_that_is_none_is_right_for_nothing(hashed: str | None) -> None:
    assert not Passwords(CHEAP).is_right(hashed, "anything")


def test_only_so_many_hashes_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB: a crowd at the door waits in a queue, and does not take the desk's memory."""
    from argon2 import PasswordHasher

    passwords = Passwords(CHEAP)
    hashed = passwords.hash("a password of mine")
    running, most, door = 0, 0, threading.Lock()
    real = PasswordHasher.verify

    def verify(self: PasswordHasher, hash: str, password: bytes) -> bool:
        nonlocal running, most
        with door:
            running += 1
            most = max(most, running)
        try:
            return real(self, hash, password)
        finally:
            with door:
                running -= 1

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda _: passwords.is_right(hashed, "a password of mine"), range(200)))
    assert most <= AT_ONCE
