"""Train two models on the demo data, with tiny settings, and compare them."""

import sirec

TINY = {"width": 16, "heads": 2, "layers": 1, "inner": 16, "epochs": 2}

sirec.prepare("demo", name="little", source_options={"users": 300, "items": 100})
with_attributes = sirec.train("dif-sr", "little", set=TINY, threads=1, device="cpu")
without = sirec.train("sasrec", "little", set=TINY, threads=1, device="cpu")

print(with_attributes.to_frame())  # metrics of each run, held-out split and history rule
comparison = sirec.evaluate([*with_attributes, *without])
print(comparison.to_frame())
for sentence in comparison.sentences:
    print(sentence)
