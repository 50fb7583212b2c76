"""The local authority signs what the suite needs, and leaves good or foreign files alone."""

import datetime
import socket
import ssl
import threading

import pytest

from hmlib.server import certificates

NOW = datetime.datetime.now(datetime.UTC)


def test_everything_is_made_once(tmp_path):
    assert len(certificates.ensure(tmp_path, ["psa.example.com"], NOW)) == 2
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert certificates.ensure(tmp_path, ["psa.example.com"], NOW) == []
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert sorted(before) == ["ca.key", "ca.pem", "server.key", "server.pem"]


def test_keys_are_for_the_owner_alone(tmp_path):
    certificates.ensure(tmp_path, [], NOW)
    assert [(tmp_path / f"{stem}.key").stat().st_mode & 0o077 for stem in ("ca", "server")] == [0, 0]


def test_a_new_host_makes_a_new_server_certificate_under_the_same_authority(tmp_path):
    certificates.ensure(tmp_path, [], NOW)
    authority = (tmp_path / "ca.pem").read_bytes()
    made = certificates.ensure(tmp_path, ["Wiki.Example.com", "10.1.2.3"], NOW)
    assert len(made) == 1 and "wiki.example.com" in made[0] and "10.1.2.3" in made[0]
    assert (tmp_path / "ca.pem").read_bytes() == authority


def test_a_certificate_is_renewed_before_it_expires(tmp_path):
    certificates.ensure(tmp_path, [], NOW)
    later = NOW + datetime.timedelta(days=certificates.SERVER_DAYS - certificates.RENEW_DAYS + 1)
    assert certificates.days_left(tmp_path / "server.pem", later) < certificates.RENEW_DAYS
    assert len(certificates.ensure(tmp_path, [], later)) == 1
    assert certificates.days_left(tmp_path / "server.pem", later) > 300


def test_a_broken_key_file_is_replaced(tmp_path):
    certificates.ensure(tmp_path, [], NOW)
    (tmp_path / "server.key").write_text("not a key")
    assert len(certificates.ensure(tmp_path, [], NOW)) == 1


def test_an_operators_own_certificate_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(certificates, "AUTHORITY_NAME", "Example Corp CA")
    certificates.ensure(tmp_path, [], NOW)
    monkeypatch.undo()
    assert certificates.ensure(tmp_path, ["new.example.com"], NOW) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "psa.example.com"])
def test_a_client_that_trusts_the_authority_accepts_the_server(tmp_path, host):
    certificates.ensure(tmp_path, ["psa.example.com"], NOW)
    assert handshake(tmp_path, tmp_path / "ca.pem", host) == "TLSv1.3"


def test_a_client_refuses_another_name_or_authority(tmp_path):
    certificates.ensure(tmp_path / "a", [], NOW)
    certificates.ensure(tmp_path / "b", [], NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path / "a", tmp_path / "a" / "ca.pem", "evil.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path / "a", tmp_path / "b" / "ca.pem", "localhost")


def handshake(folder, authority, host):
    ours, theirs = socket.socketpair()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    thread = threading.Thread(target=serve, args=(server, theirs))
    thread.start()
    client = ssl.create_default_context(cafile=authority)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with client.wrap_socket(ours, server_hostname=host) as stream:
            return stream.version()
    finally:
        ours.close()
        thread.join()


def serve(context, stream):
    try:
        context.wrap_socket(stream, server_side=True).close()
    except OSError:
        stream.close()
