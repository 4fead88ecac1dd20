"""The names of objects join and come apart as those of files do."""

from __future__ import annotations

import pickle
from pathlib import Path, PurePath

import pytest

from alphapulse_lib.location import ObjectPath, location

ROOT = ObjectPath("s3://desk/catalog")


def test_names_keep_their_two_slashes_however_they_are_made():
    file = ROOT / "data" / "bars" / "x.parquet"
    assert str(file) == f"{file}" == "s3://desk/catalog/data/bars/x.parquet"
    assert str(file.parent) == "s3://desk/catalog/data/bars"
    assert str(file.with_suffix(".json")) == "s3://desk/catalog/data/bars/x.json"
    assert str(file.relative_to(ROOT)) == "data/bars/x.parquet"
    assert str(ROOT / "revisions" / file.relative_to(ROOT / "data")) == "s3://desk/catalog/revisions/bars/x.parquet"
    assert (file.bucket, file.key, ObjectPath("s3://desk").key) == ("desk", "catalog/data/bars/x.parquet", "")


def test_names_compare_sort_and_travel_as_values():
    file = ROOT / "a"
    assert file == ObjectPath("s3://desk/catalog/a") and hash(file) == hash(ObjectPath(str(file)))
    assert sorted([ROOT / "b", file]) == [file, ROOT / "b"]
    assert file.is_relative_to(ROOT) and not file.is_relative_to(ObjectPath("s3://other"))
    travelled = pickle.loads(pickle.dumps(file))
    assert type(travelled) is ObjectPath and str(travelled) == str(file)


def test_a_location_is_a_folder_or_an_object_store():
    assert type(location("/srv/catalog")) is type(Path())
    assert location(ROOT) is ROOT and location("s3://desk/catalog/") == ROOT
    for wrong in ("http://desk/catalog", "s3://", "gs://desk"):
        with pytest.raises(ValueError, match="neither a folder nor"):
            location(wrong)
    assert isinstance(location(PurePath("x")), Path)
