"""The run folder: plain data in, plain data out, written atomically and checked when read."""

from latentatlas.store.atomic import held
from latentatlas.store.contents import RunContents
from latentatlas.store.manifest import FORMAT, MIGRATIONS
from latentatlas.store.neighbours import among_all_points, nearest_rows
from latentatlas.store.points import ColumnBlocks, columns_of, free_column, read_columns, table_of, write_table
from latentatlas.store.run import Run, open_run
from latentatlas.store.sharing import embedding_atlas_table, to_anndata, to_dataset
from latentatlas.store.write import require_writable, write_run, write_whole

__all__ = [
    "FORMAT",
    "MIGRATIONS",
    "ColumnBlocks",
    "Run",
    "RunContents",
    "among_all_points",
    "columns_of",
    "embedding_atlas_table",
    "free_column",
    "held",
    "nearest_rows",
    "open_run",
    "read_columns",
    "require_writable",
    "table_of",
    "to_anndata",
    "to_dataset",
    "write_run",
    "write_table",
    "write_whole",
]
