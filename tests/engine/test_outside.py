"""What a strategy's source reads from outside of the catalog is found, by SQL too."""

from __future__ import annotations

import pytest

from alphapulse_lib.engine.outside import reads_outside


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("ap.sql(\"select * from 'leak.csv'\")", "from 'leak.csv'"),
        ("ap.sql(f\"SELECT * FROM '{FILE}'\")", "FROM '{FILE}'"),
        ('ap.sql(f"FROM {FILE!r}")', "FROM '{FILE}'"),
        ('QUERY = "SELECT * FROM bars_1d JOIN read_csv_auto(?) USING (ts)"', "read_csv_auto("),
        ('ap.sql("select * from \'" + FILE + "\'")', "from '"),
        ("ap.sql('select * from \"signals/leak.parquet\"')", 'from "signals/leak.parquet"'),
        ("ap.sql(\"FROM bars_1d, 'leak.json'\")", "'leak.json'"),
    ],
)
def test_a_file_that_a_query_reads_is_told(source: str, found: str) -> None:
    assert reads_outside([source]) == (f'sql("... {found} ...")',)


@pytest.mark.parametrize(
    "source",
    [
        "ap.sql(\"SELECT avg(close) FROM bars_1d WHERE symbol = 'GOOG' AND ts BETWEEN '2012-01-01' AND '2012-06-30'\")",
        "ap.sql(f\"SELECT ends FROM listings WHERE symbol = '{SYMBOL}'\")",
        'ap.sql(\'FROM exact."bars_1d" JOIN "news" USING (instrument_id)\')',
        "'''A mean, taken from 'Security Analysis'.'''",
    ],
)
def test_a_query_over_the_catalog_is_not(source: str) -> None:
    assert reads_outside([source]) == ()
