"""The comparison: SqlToS3Operator on the same table with the same chunking, in a process of its own.

Writes one JSON line: {"seconds", "rss_mib", "peak_mib"}.
"""

from __future__ import annotations

import json
import logging
import sys
import time

from airflow.providers.amazon.aws.transfers.sql_to_s3 import SqlToS3Operator

from benchmarks.export_worker import peak_mib, resident_mib


def main(bucket: str, rows_per_file: int) -> None:
    """Export the table ``wide``; connections come from the environment."""
    logging.disable(logging.WARNING)
    operator = SqlToS3Operator(
        task_id="pandas",
        query="select * from wide",
        s3_bucket=bucket,
        s3_key="pandas/wide.csv",
        sql_conn_id="bench_postgres",
        aws_conn_id="bench_aws",
        file_format="csv",
        max_rows_per_file=rows_per_file,
        replace=True,
        df_kwargs={"index": False},
    )
    import pandas as pd

    assert pd.__version__
    before, started = resident_mib(), time.perf_counter()
    operator.execute({})
    print(json.dumps({"seconds": time.perf_counter() - started, "rss_mib": before, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
