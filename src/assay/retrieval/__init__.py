"""Top-k retrieval: which sets of documents can vectors of d numbers rank on top?

Documents are vectors x_1 ... x_n in R^d. A query w retrieves a set S of k documents if the k largest inner products
<w, x_i> are exactly those of S. `limits` says what is impossible, `documents` holds explicit vectors,
`random_documents` says what random ones serve, `learned` trains free vectors, `memories` measures linear memories that
are read by their largest inner product.
"""
