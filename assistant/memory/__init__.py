"""The memory fabric: records (LMDB, the only truth), terms (Tantivy) and vectors (hnswlib), and recall over them."""
