"""Secrets never survive; the text of operations does."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.redaction import redact_object, redact_text

_ALNUM = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
secrets = st.text(alphabet=_ALNUM, min_size=24, max_size=40).map(lambda text: "Zq7" + text)
passwords = st.text(alphabet=_ALNUM + "!$%^*_+~.", min_size=9, max_size=20).map(lambda text: "xK9" + text + "w")

FORMS = [
    "Authorization: Bearer {}",
    'curl -H "Authorization: Bearer {}" http://api/v1',
    "bearer {} was not accepted",
    "X-Api-Key: {}",
    "hf_{}",
    "openai key sk-{}",
    "sk-proj-{}",
    "glpat-{}",
    "ghp_{}xxxxxxxxxx",
    "nvapi-{}",
    "token eyJhbGciOiJI.{}.sig",
    "https://{}@github.com/org/repo.git",
    "GET /v1/models?api_key={}&limit=1",
    "https://bucket.s3.amazonaws.com/m?X-Amz-Signature={}",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\n{}",
    "AWS_SECRET_ACCESS_KEY={}",
    "client-key-data: {}",
    '{{"auths": {{"reg": {{"auth": "{}"}}}}}}',
    "Cookie: session={}",
]
PAIRS = [
    "password={}",
    "password: {}",
    "Password = '{}'",
    'requirepass "{}"',
    '{{"password":"{}"}}',
    r'msg="{{\"password\":\"{}\"}}"',
    "DB_PASSWORD={} ./run",
    "--password {} --host db",
    "--db.password={}",
    "postgresql://svc:{}@db:5432/app",
    "redis://:{}@cache:6379/0",
    "svc:{}@tcp(db:3306)/app",
    "jdbc:mysql://db/app?user=svc&password={}",
    "mysql -h db -u root -p{} app",
    "curl -u admin:{} http://x",
    "sshpass -p {} ssh host",
    "数据库密码：{}",
    "密码是{}，请保密",
    "口令 = {}",
    "password：{}",
    "the password is {}",
    "password: |\n  {}\n",
    "- name: DB_PASSWORD\n  value: {}\n",
    'env: {{"name": "DB_PASSWORD", "value": "{}"}}',
    "\tDB_PASSWORD:  {}",
]
ORDINARY = [
    "Pulled image registry.local/vllm@sha256:" + "0a" * 32,
    "pod web-6d4cf56db6-x2x9z uid 7f2c0a8e-2b1d-4d5e-9f00-0123456789ab",
    "max_tokens=2048 prompt_tokens=12 completion_tokens: 80 tokenizer=Qwen/Qwen2-7B",
    "eos_token=</s> pad_token=<|endoftext|> bos_token_id=1",
    'MountVolume.SetUp failed for volume "x" : secret "db-password" not found',
    'Error: couldn\'t find key token in Secret shop/api-token: secret "api-token" not found',
    "secretName: my-tls, secretKeyRef: {name: db, key: password}",
    "automountServiceAccountToken: true, expirationSeconds: 3607, path: token",
    "imagePullSecrets: [{name: regcred}]",
    "key=nvidia.com/gpu:NoSchedule, taint key: node.kubernetes.io/disk-pressure",
    "pod sk-learn-model-6d4cf56db6-abcde is OOMKilled, exit code 137",
    "invalid token: expired",
    "NCCL WARN [Service thread] Accept failed, Xid 79, PCI:0000:3b:00",
    "http://10.0.0.1:8080/metrics?name=a&limit=5 returned 503",
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.15 GiB total)",
    "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope",
    "Access denied for user 'root'@'10.0.0.1' (using password: YES)",
    'Couldn\'t get secret, secret="shop/db-creds" not registered',
    "Auth successful for job_1445144423722_0020 (auth:SIMPLE)",
    "Connecting to driver: spark://CoarseGrainedScheduler@10.10.34.11:48069",
    "密钥是否存在？密码错误，请重试",
    "TOKEN_FILE=/var/run/secrets/kubernetes.io/serviceaccount/token",
    "basic health-check ok; bearer token was not valid",
]


@pytest.mark.parametrize("form", FORMS)
@given(secret=secrets)
def test_text_loses_a_secret_when_its_form_or_surroundings_tell(form: str, secret: str) -> None:
    redacted = redact_text(form.format(secret))
    assert secret not in redacted
    assert "[redacted:" in redacted


@pytest.mark.parametrize("form", PAIRS)
@given(secret=passwords)
def test_text_loses_a_password_when_a_name_stands_beside_it(form: str, secret: str) -> None:
    assert secret not in redact_text(form.format(*[secret] * form.count("{}")))


@pytest.mark.parametrize("text", ORDINARY)
def test_text_stays_byte_for_byte_when_it_holds_no_secret(text: str) -> None:
    assert redact_text(text) == text


@given(
    noise=st.lists(st.sampled_from(ORDINARY), min_size=50, max_size=60), secret=passwords, form=st.sampled_from(PAIRS)
)
def test_long_text_loses_only_the_secret_when_one_line_of_many_holds_it(
    noise: list[str], secret: str, form: str
) -> None:
    before, after = "\n".join(noise) + "\n", "\n".join(reversed(noise))
    redacted = redact_text(before + form.format(*[secret] * form.count("{}")) + "\n" + after)
    assert secret not in redacted
    assert redacted.startswith(before)
    assert redacted.endswith(after)


@given(st.text(max_size=300))
def test_redaction_changes_nothing_when_done_twice(text: str) -> None:
    once = redact_text("password=" + text)
    assert redact_text(once) == once


@pytest.mark.parametrize("form", FORMS + PAIRS)
def test_redaction_is_idempotent_when_a_secret_was_marked(form: str) -> None:
    once = redact_text(form.format(*["xK9abcdefgh2345678901234567"] * form.count("{}")))
    assert redact_text(once) == once


@given(secret=passwords)
def test_object_loses_its_secrets_when_their_place_tells(secret: str) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    applied = json.dumps({"data": {"x": secret}})
    pod = {
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}},
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "env": [{"name": "DB_PASSWORD", "value": secret}, {"name": "MODE", "value": "fast"}],
                    "args": ["--api-key", secret, f"--token={secret}", "--model", "qwen"],
                }
            ]
        },
    }
    config = {
        "kind": "ConfigMap",
        "data": {"app.json": json.dumps({"db": {"password": secret}}), "redis.password": secret},
    }
    held = {"kind": "Secret", "data": {"a": encoded}, "stringData": {"b": secret}}
    for item in (pod, config, held):
        text = json.dumps(redact_object(item))
        assert secret not in text
        assert encoded not in text
    container = redact_object(pod)["spec"]["containers"][0]
    assert container["env"][1] == {"name": "MODE", "value": "fast"}
    assert container["args"][3:] == ["--model", "qwen"]


def test_text_is_redacted_in_time_when_one_line_is_a_megabyte() -> None:
    began = time.process_time()
    redact_text("A" * 1_000_000 + " password=x " + "a.b-" * 100_000)
    for piece in (
        "token=",
        "x_token_name=",
        "://a:",
        "-eyJ",
        "bearer ",
        "name: token ",
        "mysql ",
        '"password" ',
        "secret.key-",
    ):
        redact_text(piece * (300_000 // len(piece)))
    assert time.process_time() - began < 40
