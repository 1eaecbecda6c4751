"""Old data in Parquet files, on this machine and in storage that speaks S3; knows no table and no database."""
