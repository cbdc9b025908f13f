"""Many front ends and many nodes: images travel through a broker and Redis. Knows no HTTP."""
