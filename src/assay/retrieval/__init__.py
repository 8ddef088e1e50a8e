"""Top-k retrieval: which sets of documents can vectors of d numbers rank on top, by bound, by explicit vectors, by training?

Documents are vectors x_1 ... x_n in R^d. A query w retrieves a set S of k documents if the k largest inner products
<w, x_i> are exactly those of S. `limits` says what is impossible, `documents` holds explicit vectors, `random_documents`
what generic ones serve, `learned` trains free vectors, `memories` measures linear memories that are read by top-1.
"""
