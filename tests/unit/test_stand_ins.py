"""The sandbox's stand-ins take the place of every account, however that was set."""

from pathlib import Path

from alertd import settings
from alertd.stand_ins import StandIns


def test_what_stands_in_files_is_replaced_too(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("real")
    mine = {
        "ALERTD_DATA_DIR": str(tmp_path),
        "ALERTD_TWILIO__AUTH_TOKEN_FILE": str(secret),
        "ALERTD_SMTP__URL_FILE": str(secret),
        "ALERTD_RESPONDERS__FOLLOW_OWNER_FILE": str(secret),
    }
    stand_ins = StandIns(tmp_path, 8080, 8025)

    read = settings.load(mine | stand_ins.env(["follow-owner"]))

    assert read.twilio.auth_token is not None
    assert read.twilio.auth_token.get_secret_value() != "real"
    assert read.twilio.base_url == stand_ins.url
    assert "127.0.0.1:8080" in read.responders["follow-owner"].to.get_secret_value()
